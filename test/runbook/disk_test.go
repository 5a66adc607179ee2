//go:build linux

package runbook

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"

	"github.com/stretchr/testify/require"
)

// smallDisk is a file system of 16 MiB that pm's data folder is on.
type smallDisk struct {
	m   *machine
	dir string
}

// smallDisk mounts one. It needs the right to mount; a full disk is not tried without, and the test says so.
func (m *machine) smallDisk() *smallDisk {
	m.t.Helper()
	dir := m.at("disk")
	require.NoError(m.t, os.Mkdir(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		m.t.Skipf("a small file system cannot be mounted here, so a full disk is not tried: %v", err)
	}
	m.t.Cleanup(func() {
		m.end()
		require.NoError(m.t, syscall.Unmount(dir, syscall.MNT_FORCE|2)) // 2: detach
	})
	m.vars["DATA"] = m.at("disk", "data")
	m.vars["SNAPSHOT"] = "sqlite://" + m.data("snapshot")
	return &smallDisk{m, dir}
}

// fill writes a file beside the data folder until so many bytes are free.
func (d *smallDisk) fill(leave uint64) {
	d.m.t.Helper()
	f, err := os.OpenFile(d.dir+"/ballast", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(d.m.t, err)
	defer f.Close()
	block := make([]byte, 4096)
	for {
		var fs syscall.Statfs_t
		require.NoError(d.m.t, syscall.Statfs(d.dir, &fs))
		if fs.Bavail*uint64(fs.Bsize) <= leave {
			return
		}
		_, err := f.Write(block)
		if errors.Is(err, syscall.ENOSPC) {
			return
		}
		require.NoError(d.m.t, err)
	}
}

// free is what the page asks for: room outside of the data folder.
func (d *smallDisk) free() { d.m.t.Helper(); require.NoError(d.m.t, os.Remove(d.dir+"/ballast")) }

// second starts another pm on the same folder, waits until it is ready, and closes the channel when it has ended.
func (m *machine) second() <-chan struct{} {
	m.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(m.t, err)
	address := listener.Addr().String()
	require.NoError(m.t, listener.Close())
	cmd := exec.Command(m.at("bin", "pm"), "--data", m.data(), "--listen", address)
	cmd.Dir = m.dir
	require.NoError(m.t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // the drill kills it
	m.t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	m.vars["SERVER"] = "http://" + address
	m.do("ready\n")
	return ended
}
