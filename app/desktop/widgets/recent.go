//go:build !headless

package widgets

import "container/list"

// Recent keeps the values of the keys that were used last.
type Recent[K comparable, V any] struct {
	most  int
	order *list.List // of entries, the one used last in front
	found map[K]*list.Element
}

type recentEntry[K comparable, V any] struct {
	key   K
	value V
}

// NewRecent keeps at most so many values.
func NewRecent[K comparable, V any](most int) *Recent[K, V] {
	return &Recent[K, V]{most: most, order: list.New(), found: map[K]*list.Element{}}
}

// Get returns a key's value, if it is still kept, and counts as a use.
func (r *Recent[K, V]) Get(key K) (V, bool) {
	e, ok := r.found[key]
	if !ok {
		var none V
		return none, false
	}
	r.order.MoveToFront(e)
	return e.Value.(recentEntry[K, V]).value, true
}

// Put keeps a value, and drops the one that was not used for longest if there are too many.
func (r *Recent[K, V]) Put(key K, value V) {
	if e, ok := r.found[key]; ok {
		r.order.Remove(e)
	}
	r.found[key] = r.order.PushFront(recentEntry[K, V]{key, value})
	if r.order.Len() > r.most {
		last := r.order.Back()
		delete(r.found, last.Value.(recentEntry[K, V]).key)
		r.order.Remove(last)
	}
}

// Len is the number of values kept.
func (r *Recent[K, V]) Len() int { return r.order.Len() }
