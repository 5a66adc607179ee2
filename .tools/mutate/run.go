package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// program is the tests of one package, built.
type program struct{ path, dir string }

// build makes one program of the tests of each package, with all mutants in it.
func build(dir string, sources []*source, mutants []numbered, packages []string) (programs []program, err error) {
	list, err := overlay(dir, sources, mutants)
	if err != nil {
		return nil, err
	}
	dirs, err := exec.Command("go", append([]string{"list", "-f", "{{.Dir}}"}, packages...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("find the packages %v: %w", packages, err)
	}
	for i, folder := range strings.Fields(string(dirs)) {
		p := program{filepath.Join(dir, fmt.Sprintf("%d.test", i)), folder}
		cmd := exec.Command("go", "test", "-c", "-overlay", list, "-o", p.path, folder)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("the tests of %s do not build with the mutants in them: %w\n%s", folder, err, out)
		}
		if _, err := os.Stat(p.path); err == nil { // a package without tests makes none
			programs = append(programs, p)
		}
	}
	if len(programs) == 0 {
		return nil, fmt.Errorf("there is no test in %v", packages)
	}
	return programs, nil
}

// overlay writes the files anew, with a helper beside them for each package, and the list of what stands in the place of what.
func overlay(dir string, sources []*source, mutants []numbered) (list string, err error) {
	replace := map[string]string{}
	put := func(as, text string) error {
		as, err := filepath.Abs(as)
		if err != nil {
			return err
		}
		replace[as] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		return os.WriteFile(replace[as], []byte(text), 0o600)
	}
	for _, s := range sources {
		var own []numbered
		for _, m := range mutants {
			if m.file == s.file {
				own = append(own, m)
			}
		}
		if err := put(s.file, rewrite(s, own)); err != nil {
			return "", err
		}
		if err := put(filepath.Join(filepath.Dir(s.file), "mutated_helper.go"), helper(s.pkg)); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	list = filepath.Join(dir, "overlay.json")
	return list, os.WriteFile(list, text, 0o600)
}

// limits bound the run of one program. A mutant that goes round for ever is ended by the processor's time, which is the same however busy the
// machine is; one that waits for ever by the clock's.
type limits struct{ processor, clock time.Duration }

// noticed runs the programs as one mutant, 0 being none, up to the first failure, and gives what that one printed; "" if all pass. used is
// the processor's time of the longest.
func noticed(programs []program, n int, l limits) (said string, used time.Duration) {
	for _, p := range programs {
		// What does not even end itself when its time is over is ended a little later.
		ctx, cancel := context.WithTimeout(context.Background(), l.clock+5*time.Second)
		seconds := strconv.Itoa(int(l.processor.Seconds()) + 1)
		cmd := exec.CommandContext(ctx, "sh", "-c", `ulimit -t "$0" && exec "$@"`, seconds, p.path, "-test.failfast", "-test.timeout", l.clock.String())
		cmd.Dir, cmd.WaitDelay = p.dir, time.Second
		cmd.Env = append(os.Environ(), variable+"="+strconv.Itoa(n))
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			return fmt.Sprintf("%s%s: %v\n", out, p.dir, err), 0
		}
		used = max(used, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	}
	return "", used
}
