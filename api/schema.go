package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"pm/domain"
)

// object is a JSON object under construction; encoding/json writes its keys in order.
type object = map[string]any

// schemas derives JSON schemas (OpenAPI 3.1) from the very types that the answers are encoded from, so that the document cannot say
// anything else than the code.
type schemas struct{ named object }

var (
	decimalType = reflect.TypeFor[domain.Decimal]()
	timeType    = reflect.TypeFor[time.Time]()
	rawType     = reflect.TypeFor[json.RawMessage]()
)

// of gives the schema of a value's type; named structs become references.
func (s *schemas) of(t reflect.Type) object {
	switch t {
	case decimalType:
		return object{"type": "string", "pattern": `^-?(0|[1-9]\d*)(\.\d+)?$`, "description": "an exact decimal"}
	case timeType:
		return object{"type": "string", "format": "date-time"}
	case rawType:
		return object{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Struct:
		return s.reference(t)
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return object{"type": "integer"}
	default: // a new member of an answer: whoever writes it learns it from the first test that starts a service
		panic(fmt.Sprintf("api: no schema for a %s", t))
	}
}

func (s *schemas) reference(t reflect.Type) object {
	if t.Name() == "" {
		return s.structure(t)
	}
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	if t.PkgPath() == "pm/domain" {
		name = "Domain" + name
	}
	if _, known := s.named[name]; !known {
		s.named[name] = nil // of a type that holds itself
		s.named[name] = s.structure(t)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

func (s *schemas) structure(t reflect.Type) object {
	properties, required := object{}, []string{}
	s.fields(t, properties, &required)
	out := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func (s *schemas) fields(t reflect.Type, properties object, required *[]string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			s.fields(f.Type, properties, required)
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		schema := s.of(f.Type)
		if !strings.Contains(options, "omitempty") {
			*required = append(*required, name)
			if f.Type.Kind() == reflect.Pointer {
				schema = object{"anyOf": []any{schema, object{"type": "null"}}}
			}
		}
		properties[name] = schema
	}
}

// list is a page of rows under a key.
func (s *schemas) list(key string, row any) object {
	return object{
		"type": "object", "required": []string{key, "limit", "next", "revision"},
		"properties": object{
			key: object{"type": "array", "items": s.of(reflect.TypeOf(row))}, "limit": object{"type": "integer"},
			"next": object{"type": []string{"string", "integer", "null"}, "description": "pass it as the parameter next (of events: from) for the rows that follow"}, "revision": revisionSchema(),
		},
	}
}

// one is a row under a key.
func (s *schemas) one(key string, row any) object {
	return object{
		"type": "object", "required": []string{key, "revision"},
		"properties": object{key: s.of(reflect.TypeOf(row)), "revision": revisionSchema()},
	}
}

func revisionSchema() object {
	return object{"type": "integer", "minimum": 0, "description": "the revision of the log that this was read at"}
}
