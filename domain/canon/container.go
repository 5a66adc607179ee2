package canon

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"unsafe"
)

// planStruct writes the fields in their order and reads them in no other.
func planStruct(t reflect.Type, outer []reflect.Type) (*plan, error) {
	fields, err := planFields(t, outer)
	if err != nil {
		return nil, err
	}
	write := func(dst []byte, at unsafe.Pointer) ([]byte, error) { return writeStruct(dst, at, fields) }
	read := func(d *Decoder, at unsafe.Pointer) error { return readStruct(d, at, fields) }
	return &plan{write: write, read: read}, nil
}

func writeStruct(dst []byte, at unsafe.Pointer, fields []field) ([]byte, error) {
	var err error
	lead := byte('{')
	for i := range fields {
		f := &fields[i]
		value := unsafe.Add(at, f.offset)
		if f.omit && f.plan.empty(value) {
			continue
		}
		dst = append(append(dst, lead), f.head...)
		lead = ','
		if dst, err = f.plan.write(dst, value); err != nil {
			return dst, within(f.name, err)
		}
	}
	if lead == '{' {
		dst = append(dst, '{')
	}
	return append(dst, '}'), nil
}

// readStruct takes the fields one by one. A key that is unknown, doubled or out of order is found when no field claims it.
func readStruct(d *Decoder, into unsafe.Pointer, fields []field) error {
	lead := byte('{')
	for i := range fields {
		f := &fields[i]
		at := d.pos + 1
		end := at + len(f.head)
		if end > len(d.data) || d.data[d.pos] != lead || string(d.data[at:end]) != f.head {
			if f.omit {
				continue
			}
			return d.fail(fmt.Sprintf("the key %q must come here", f.name))
		}
		d.pos, lead = end, ','
		value := unsafe.Add(into, f.offset)
		if err := f.plan.read(d, value); err != nil {
			return within(f.name, err)
		}
		if f.omit && !f.option && f.plan.empty(value) {
			return within(f.name, d.fail("an empty value must be left out"))
		}
	}
	if lead == '{' && !d.take('{') {
		return d.fail("an object must begin here")
	}
	if !d.take('}') {
		return d.fail("the object must end here: a key is unknown, doubled or out of order")
	}
	return nil
}

// planPointer is the plan of what is pointed to; nil never gets this far, since such a field is omitempty.
func planPointer(t reflect.Type, outer []reflect.Type) (*plan, error) {
	elem := t.Elem()
	if elem.Kind() == reflect.Pointer {
		return nil, fmt.Errorf("canon: %s has no canonical form", t)
	}
	p, err := makePlan(elem, outer)
	if err != nil {
		return nil, err
	}
	write := func(dst []byte, at unsafe.Pointer) ([]byte, error) {
		to := *(*unsafe.Pointer)(at)
		if to == nil {
			return dst, fmt.Errorf("canon: a nil %s has no canonical form", t)
		}
		return p.write(dst, to)
	}
	read := func(d *Decoder, at unsafe.Pointer) error {
		var to unsafe.Pointer
		if elem == decimalType {
			to = unsafe.Pointer(d.decimals.next())
		} else {
			to = reflect.New(elem).UnsafePointer()
		}
		*(*unsafe.Pointer)(at) = to
		return p.read(d, to)
	}
	return &plan{write: write, read: read, empty: func(at unsafe.Pointer) bool { return *(*unsafe.Pointer)(at) == nil }}, nil
}

// planSlice writes an array; nil and empty are both [], and [] is read as empty.
func planSlice(t reflect.Type, outer []reflect.Type) (*plan, error) {
	if t.Elem().Kind() == reflect.Uint8 {
		return nil, fmt.Errorf("canon: %s has no canonical form: bytes are written as text", t)
	}
	p, err := makePlan(t.Elem(), outer)
	if err != nil {
		return nil, err
	}
	write := func(dst []byte, at unsafe.Pointer) ([]byte, error) {
		v := reflect.NewAt(t, at).Elem()
		var err error
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = p.write(dst, v.Index(i).Addr().UnsafePointer()); err != nil {
				return dst, within(fmt.Sprint(i), err)
			}
		}
		return append(dst, ']'), nil
	}
	read := func(d *Decoder, at unsafe.Pointer) error {
		return readSlice(d, reflect.NewAt(t, at).Elem(), t.Elem().Size(), p)
	}
	if t.Elem().Kind() == reflect.String {
		read = readTexts
	}
	return &plan{write: write, read: read, empty: func(at unsafe.Pointer) bool { return reflect.NewAt(t, at).Elem().Len() == 0 }}, nil
}

// firstElements is how many elements a slice has room for when its first one comes.
const firstElements = 4

func readSlice(d *Decoder, v reflect.Value, size uintptr, elem *plan) error {
	if !d.take('[') {
		return d.fail("a list must begin here")
	}
	if d.take(']') {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		return nil
	}
	for n := 0; ; n++ {
		if n == v.Cap() {
			v.Grow(max(firstElements, n))
			v.SetLen(v.Cap())
		}
		if err := elem.read(d, unsafe.Add(v.UnsafePointer(), uintptr(n)*size)); err != nil {
			return within(fmt.Sprint(n), err)
		}
		if d.take(']') {
			v.SetLen(n + 1)
			return nil
		}
		if !d.take(',') {
			return d.fail("a comma or the end of the list must come here")
		}
	}
}

// readTexts is readSlice for strings, also named ones: the lists of short words that most signals have.
func readTexts(d *Decoder, at unsafe.Pointer) error {
	if !d.take('[') {
		return d.fail("a list must begin here")
	}
	list := []string{}
	for !d.take(']') {
		if len(list) > 0 && !d.take(',') {
			return d.fail("a comma or the end of the list must come here")
		}
		text, err := d.text()
		if err != nil {
			return within(fmt.Sprint(len(list)), err)
		}
		list = append(list, text)
	}
	*(*[]string)(at) = list
	return nil
}

// planMap writes an object with sorted keys; nil and empty are both {}, and {} is read as empty.
func planMap(t reflect.Type, outer []reflect.Type) (*plan, error) {
	if t.Key().Kind() != reflect.String {
		return nil, fmt.Errorf("canon: %s has no canonical form: its keys are not text", t)
	}
	p, err := makePlan(t.Elem(), outer)
	if err != nil {
		return nil, err
	}
	write := func(dst []byte, at unsafe.Pointer) ([]byte, error) {
		return writeMap(dst, reflect.NewAt(t, at).Elem(), p)
	}
	read := func(d *Decoder, at unsafe.Pointer) error { return readMap(d, reflect.NewAt(t, at).Elem(), p) }
	return &plan{write: write, read: read, empty: func(at unsafe.Pointer) bool { return reflect.NewAt(t, at).Elem().Len() == 0 }}, nil
}

func writeMap(dst []byte, v reflect.Value, elem *plan) ([]byte, error) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	slot := reflect.New(v.Type().Elem()).Elem()
	var err error
	dst = append(dst, '{')
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendText(dst, k.String()); err != nil {
			return dst, err
		}
		dst = append(dst, ':')
		slot.Set(v.MapIndex(k))
		if dst, err = elem.write(dst, slot.Addr().UnsafePointer()); err != nil {
			return dst, within(k.String(), err)
		}
	}
	return append(dst, '}'), nil
}

func readMap(d *Decoder, v reflect.Value, elem *plan) error {
	if !d.take('{') {
		return d.fail("an object must begin here")
	}
	t := v.Type()
	v.Set(reflect.MakeMap(t))
	if d.take('}') {
		return nil
	}
	before, first := "", true
	for {
		key, err := d.text()
		if err != nil {
			return err
		}
		if !first && key <= before {
			return d.fail("the keys of a map must rise")
		}
		before, first = key, false
		if !d.take(':') {
			return d.fail("a colon must come here")
		}
		slot := reflect.New(t.Elem()).Elem()
		if err := elem.read(d, slot.Addr().UnsafePointer()); err != nil {
			return within(key, err)
		}
		v.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), slot)
		if d.take('}') {
			return nil
		}
		if !d.take(',') {
			return d.fail("a comma or the end of the object must come here")
		}
	}
}
