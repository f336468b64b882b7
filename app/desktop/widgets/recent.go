//go:build !headless

package widgets

import "container/list"

// recent keeps the values of the keys that were used last.
type recent[V any] struct {
	most  int
	order *list.List // of entries, the one used last in front
	found map[int]*list.Element
}

type recentEntry[V any] struct {
	key   int
	value V
}

func newRecent[V any](most int) *recent[V] {
	return &recent[V]{most: most, order: list.New(), found: map[int]*list.Element{}}
}

// get returns a key's value, if it is still kept, and counts as a use.
func (r *recent[V]) get(key int) (V, bool) {
	e, ok := r.found[key]
	if !ok {
		var none V
		return none, false
	}
	r.order.MoveToFront(e)
	return e.Value.(recentEntry[V]).value, true
}

// put keeps a value, and drops the one that was not used for longest if there are too many.
func (r *recent[V]) put(key int, value V) {
	if e, ok := r.found[key]; ok {
		r.order.Remove(e)
	}
	r.found[key] = r.order.PushFront(recentEntry[V]{key, value})
	if r.order.Len() > r.most {
		last := r.order.Back()
		delete(r.found, last.Value.(recentEntry[V]).key)
		r.order.Remove(last)
	}
}
