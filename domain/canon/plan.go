package canon

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quagmt/udecimal"
)

// plan is how one type is written and read.
type plan struct {
	write func(dst []byte, v reflect.Value) ([]byte, error)
	read  func(d *Decoder, v reflect.Value) error
	empty func(v reflect.Value) bool // what omitempty leaves out; nil: the type cannot be left out
}

// plans holds every plan made so far. The map is never changed, only replaced, so that reading it needs no lock.
var plans atomic.Pointer[map[reflect.Type]*plan]

// planOf finds or makes the plan of a type.
func planOf(t reflect.Type) (*plan, error) {
	known := plans.Load()
	if known != nil {
		if p, ok := (*known)[t]; ok {
			return p, nil
		}
	}
	p, err := makePlan(t, nil)
	if err != nil {
		return nil, err
	}
	for {
		next := map[reflect.Type]*plan{t: p}
		if known != nil {
			maps.Copy(next, *known)
		}
		if plans.CompareAndSwap(known, &next) {
			return p, nil
		}
		known = plans.Load()
	}
}

var (
	decimalType = reflect.TypeFor[udecimal.Decimal]()
	timeType    = reflect.TypeFor[time.Time]()
)

// makePlan compiles a type. outer holds the structs around it, since a type inside itself has no bounded form.
func makePlan(t reflect.Type, outer []reflect.Type) (*plan, error) {
	switch t {
	case decimalType:
		return &plan{write: writeDecimal, read: readDecimal}, nil
	case timeType:
		return &plan{write: writeTime, read: readTime}, nil
	}
	switch t.Kind() {
	case reflect.String:
		return &plan{write: writeString, read: readString, empty: func(v reflect.Value) bool { return v.Len() == 0 }}, nil
	case reflect.Bool:
		return &plan{write: writeBool, read: readBool, empty: func(v reflect.Value) bool { return !v.Bool() }}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &plan{write: writeInt, read: readInt, empty: func(v reflect.Value) bool { return v.Int() == 0 }}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &plan{write: writeUint, read: readUint, empty: func(v reflect.Value) bool { return v.Uint() == 0 }}, nil
	case reflect.Struct:
		return planStruct(t, outer)
	case reflect.Slice:
		return planSlice(t, outer)
	case reflect.Map:
		return planMap(t, outer)
	case reflect.Pointer:
		return planPointer(t, outer)
	default:
		return nil, fmt.Errorf("canon: %s has no canonical form", t)
	}
}

// field is one key of a struct.
type field struct {
	plan  *plan
	name  string
	head  string // "name":
	index int
	omit  bool
}

// planFields compiles the fields of a struct in their order.
func planFields(t reflect.Type, outer []reflect.Type) ([]field, error) {
	for _, o := range outer {
		if o == t {
			return nil, fmt.Errorf("canon: %s contains itself", t)
		}
	}
	outer = append(outer[:len(outer):len(outer)], t)
	var fields []field
	seen := map[string]bool{}
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("json")
		if tag == "-" || !sf.IsExported() && !sf.Anonymous {
			continue
		}
		f, err := planField(sf, tag, outer)
		if err != nil {
			return nil, fmt.Errorf("canon: %s.%s: %w", t, sf.Name, err)
		}
		if seen[f.name] {
			return nil, fmt.Errorf("canon: %s.%s: the key %q is taken", t, sf.Name, f.name)
		}
		seen[f.name] = true
		f.index = i
		fields = append(fields, f)
	}
	return fields, nil
}

// planField compiles one field from its tag.
func planField(sf reflect.StructField, tag string, outer []reflect.Type) (field, error) {
	name, option, _ := strings.Cut(tag, ",")
	if sf.Anonymous && (name == "" || !sf.IsExported()) {
		return field{}, fmt.Errorf("an embedded field has no key: name it")
	}
	if name == "" || strings.ContainsFunc(name, notInKey) {
		return field{}, fmt.Errorf("the json tag %q gives no usable key", tag)
	}
	if option != "" && option != "omitempty" {
		return field{}, fmt.Errorf("unknown option %q", option)
	}
	p, err := makePlan(sf.Type, outer)
	if err != nil {
		return field{}, err
	}
	omit := option == "omitempty"
	if omit && p.empty == nil {
		return field{}, fmt.Errorf("%s is never empty: omitempty would do nothing, use a pointer", sf.Type)
	}
	if !omit && sf.Type.Kind() == reflect.Pointer {
		return field{}, fmt.Errorf("a pointer is optional and there is no null: add omitempty")
	}
	return field{plan: p, name: name, head: `"` + name + `":`, omit: omit}, nil
}

// notInKey finds what would need escaping in a key of ours; such keys are not used.
func notInKey(r rune) bool {
	return !(r == '_' || r == '.' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
}
