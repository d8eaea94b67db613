// gomemcache.
package main

import (
	"fmt"

	"github.com/bradfitz/gomemcache/memcache"
)

func open() *memcache.Client { return memcache.New(address) }

func main() {
	run("golang-github-bradfitz-gomemcache-dev", map[string]func(){
		"connect": func() { must(open().Set(&memcache.Item{Key: "connected"})) },
		"get-set": func() {
			c := open()
			_, err := c.Get("absent")
			expect("get of nothing", err, memcache.ErrCacheMiss)
			for n := 0; n < 100; n++ {
				key := fmt.Sprint("k", n)
				must(c.Set(&memcache.Item{Key: key, Value: []byte(key), Flags: 7}))
				found, err := c.Get(key)
				must(err)
				expect("get", string(found.Value), key)
				expect("flags", found.Flags, 7)
			}
			expect("add", c.Add(&memcache.Item{Key: "k1"}), memcache.ErrNotStored)
			must(c.Replace(&memcache.Item{Key: "k1", Value: []byte("x")}))
			must(c.Delete("k1"))
		},
		"many-keys": func() {
			c := open()
			var keys []string
			for n := 0; n < 100; n++ {
				keys = append(keys, fmt.Sprint("many", n))
				must(c.Set(&memcache.Item{Key: keys[n], Value: []byte(keys[n])}))
			}
			found, err := c.GetMulti(keys)
			must(err)
			for _, key := range keys {
				expect("GetMulti", string(found[key].Value), key)
			}
		},
		"cas": func() {
			c := open()
			must(c.Set(&memcache.Item{Key: "cas", Value: []byte("1")}))
			found, err := c.Get("cas")
			must(err)
			must(c.CompareAndSwap(found))
			expect("cas with an old token", c.CompareAndSwap(found), memcache.ErrCASConflict)
		},
		"incr": func() {
			c := open()
			must(c.Set(&memcache.Item{Key: "count", Value: []byte("9")}))
			found, err := c.Increment("count", 2)
			must(err)
			expect("incr", found, 11)
			found, err = c.Decrement("count", 20)
			must(err)
			expect("decr", found, 0)
		},
		"touch": func() {
			c := open()
			must(c.Set(&memcache.Item{Key: "touched"}))
			must(c.Touch("touched", 100))
			expect("touch of nothing", c.Touch("absent", 100), memcache.ErrCacheMiss)
		},
		"flush": func() {
			c := open()
			must(c.Set(&memcache.Item{Key: "kept"}))
			expect("flush", c.FlushAll() == nil, control)
			_, err := c.Get("kept")
			expect("what was there", err == nil, !control)
		},
	})
}
