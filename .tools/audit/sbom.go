package main

import (
	"encoding/json"
	"fmt"
)

const specVersion = "1.5"

// The part of CycloneDX that a list of libraries needs. There is no time and no serial number in it: the same build has the same bill.
type bill struct {
	Format       string      `json:"bomFormat"`
	Spec         string      `json:"specVersion"`
	Version      int         `json:"version"`
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
	Dependencies []depends   `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type     string    `json:"type"`
	Ref      string    `json:"bom-ref"`
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	PURL     string    `json:"purl,omitempty"`
	Hashes   []hash    `json:"hashes,omitempty"`
	Licences []licence `json:"licenses,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licence struct {
	Expression string `json:"expression"`
}

type depends struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn"`
}

// billOf lists what the programs are made of. What only tests use is not in them.
func billOf(modules []module, version string) ([]byte, error) {
	b := bill{
		Format: "CycloneDX", Spec: specVersion, Version: 1,
		Metadata: metadata{Component: component{Type: "application", Ref: "pm", Name: "pm", Version: version}}, Components: []component{},
	}
	on := []string{}
	for _, m := range modules {
		if !m.Shipped {
			continue
		}
		if m.SHA256 == "" {
			return nil, fmt.Errorf("%s %s has no hash in go.sum", m.Path, m.Version)
		}
		purl := fmt.Sprintf("pkg:golang/%s@%s", m.Path, m.Version)
		c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl, Hashes: []hash{{"SHA-256", m.SHA256}}}
		if m.Licence != "" {
			c.Licences = []licence{{m.Licence}}
		}
		b.Components = append(b.Components, c)
		on = append(on, purl)
	}
	b.Dependencies = []depends{{"pm", on}}
	out, err := json.MarshalIndent(b, "", "  ")
	return append(out, '\n'), err
}
