package canon

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/quagmt/udecimal"
)

// plan is how one type is written and read. Reflection is asked once, when the plan is made; afterwards a value is reached by its address,
// which saves a tenth of what reading a record costs (ADR 0007). The address is of the type that the plan was made for: planOf's callers
// have the reflect.Value, and a struct's plan adds the offsets that reflection gave it.
type plan struct {
	write func(dst []byte, at unsafe.Pointer) ([]byte, error)
	read  func(d *Decoder, at unsafe.Pointer) error
	empty func(at unsafe.Pointer) bool // what omitempty leaves out; nil: the type cannot be left out
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

// makePlan compiles a type. outer holds the types around it, since a type inside itself has no bounded form.
func makePlan(t reflect.Type, outer []reflect.Type) (*plan, error) {
	switch t {
	case decimalType:
		return &plan{write: writeDecimal, read: readDecimal}, nil
	case timeType:
		return &plan{write: writeTime, read: readTime}, nil
	}
	if p := scalar(t); p != nil {
		return p, nil
	}
	if slices.Contains(outer, t) {
		return nil, fmt.Errorf("canon: %s contains itself", t)
	}
	outer = append(outer[:len(outer):len(outer)], t)
	switch t.Kind() {
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
	plan   *plan
	name   string
	head   string // "name":
	offset uintptr
	omit   bool
	option bool // a pointer: what it points to may be empty, it is there all the same
}

// planFields compiles the fields of a struct in their order.
func planFields(t reflect.Type, outer []reflect.Type) ([]field, error) {
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
		f.offset = sf.Offset
		fields = append(fields, f)
	}
	if len(fields) == 0 && t.NumField() > 0 { // such as a named time or decimal, which is another type than the one with a form
		return nil, fmt.Errorf("canon: %s has no key of its own: all of it would be lost", t)
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
	return field{plan: p, name: name, head: `"` + name + `":`, omit: omit, option: sf.Type.Kind() == reflect.Pointer}, nil
}

// notInKey finds what would need escaping in a key of ours; such keys are not used.
func notInKey(r rune) bool {
	return !(r == '_' || r == '.' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
}
