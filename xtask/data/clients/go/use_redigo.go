// redigo.
package main

import (
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"
)

func open(options ...redis.DialOption) redis.Conn {
	options = append(options, redis.DialReadTimeout(10*time.Second))
	c, err := redis.Dial("tcp", address, options...)
	must(err)
	return c
}

func ask(c redis.Conn, name string, words ...interface{}) interface{} {
	answer, err := c.Do(name, words...)
	must(err)
	if bytes, ok := answer.([]byte); ok {
		return string(bytes)
	}
	return answer
}

func main() {
	run("golang-github-gomodule-redigo-dev", map[string]func(){
		"connect": func() { expect("PING", ask(open(), "PING"), "PONG") },
		"get-set": func() {
			c := open()
			defer c.Close()
			expect("GET of nothing", ask(c, "GET", "absent"), nil)
			for n := 0; n < 100; n++ {
				expect("SET", ask(c, "SET", fmt.Sprint("k", n), n), "OK")
				expect("GET", ask(c, "GET", fmt.Sprint("k", n)), n)
			}
			expect("HSET", ask(c, "HSET", "h", "a", 1), 1)
			hash, err := redis.StringMap(c.Do("HGETALL", "h"))
			must(err)
			expect("HGETALL", hash, map[string]string{"a": "1"})
		},
		"many-keys": func() {
			c := open()
			defer c.Close()
			var keys, pairs redis.Args
			for n := 0; n < 100; n++ {
				keys = keys.Add(fmt.Sprint("many", n))
				pairs = pairs.Add(fmt.Sprint("many", n)).Add(n)
			}
			expect("MSET", ask(c, "MSET", pairs...), "OK")
			found, err := redis.Ints(c.Do("MGET", keys...))
			must(err)
			for n := range found {
				expect("MGET", found[n], n)
			}
			expect("DEL", ask(c, "DEL", keys...), 100)
		},
		"pipeline": func() {
			c := open()
			defer c.Close()
			for n := 0; n < 500; n++ {
				must(c.Send("SET", fmt.Sprint("p", n), n))
				must(c.Send("GET", fmt.Sprint("p", n)))
			}
			must(c.Flush())
			for n := 0; n < 500; n++ {
				_, err := c.Receive()
				must(err)
				found, err := redis.Int(c.Receive())
				must(err)
				expect("an answer", found, n)
			}
		},
		"transaction": func() {
			c, other := open(), open()
			defer c.Close()
			must(c.Send("MULTI"))
			must(c.Send("SET", "{t}a", 1))
			must(c.Send("INCR", "{t}b"))
			expect("EXEC", ask(c, "EXEC"), "[OK 1]")
			ask(c, "WATCH", "{t}a")
			ask(other, "SET", "{t}a", 3)
			must(c.Send("MULTI"))
			must(c.Send("SET", "{t}a", 4))
			expect("EXEC after a change", ask(c, "EXEC"), nil)
			expect("the value", ask(c, "GET", "{t}a"), 3)
		},
		"pubsub": func() {
			c := redis.PubSubConn{Conn: open()}
			defer c.Close()
			must(c.Subscribe("news"))
			must(c.PSubscribe("pattern.*"))
			must(c.Ping("are you there"))
			other := open()
			for seen := 0; seen < 3; seen++ {
				switch message := c.ReceiveWithTimeout(5 * time.Second).(type) {
				case error:
					panic(message)
				}
			}
			for _, channel := range []string{"news", "pattern.1"} {
				ask(other, "PUBLISH", channel, "to "+channel)
				switch message := c.ReceiveWithTimeout(5 * time.Second).(type) {
				case redis.Message:
					expect("a message", string(message.Data), "to "+channel)
				default:
					panic(fmt.Sprint("no message: ", message))
				}
			}
			must(c.Unsubscribe("news"))
		},
		"scan": func() {
			c := open()
			defer c.Close()
			var pairs redis.Args
			for n := 0; n < 2000; n++ {
				pairs = pairs.Add(fmt.Sprint("scan:", n)).Add(n)
			}
			ask(c, "MSET", pairs...)
			seen, cursor := map[string]bool{}, "0"
			for {
				answer, err := redis.Values(c.Do("SCAN", cursor, "MATCH", "scan:*", "COUNT", 300))
				must(err)
				var keys []string
				_, err = redis.Scan(answer, &cursor, &keys)
				must(err)
				for _, key := range keys {
					seen[key] = true
				}
				if cursor == "0" {
					break
				}
			}
			expect("keys seen", len(seen), 2000)
		},
		"blocking": func() {
			c := open()
			defer c.Close()
			expect("BLPOP of nothing", ask(c, "BLPOP", "queue", 1), nil)
			go func() {
				time.Sleep(200 * time.Millisecond)
				other := open()
				ask(other, "RPUSH", "queue", "job")
			}()
			found, err := redis.Strings(c.Do("BLPOP", "queue", 5))
			must(err)
			expect("BLPOP", found, "[queue job]")
		},
		"script": func() {
			c := open()
			defer c.Close()
			script := redis.NewScript(1, "return redis.call('INCRBY', KEYS[1], ARGV[1])")
			for n := 0; n < 30; n++ {
				found, err := redis.Int(script.Do(c, fmt.Sprint("script", n), 3))
				must(err)
				expect("a script", found, 3)
			}
		},
		"databases": func() {
			one, zero := open(redis.DialDatabase(1)), open()
			expect("SET", ask(one, "SET", "where", 1), "OK")
			expect("database 1", ask(one, "GET", "where"), 1)
			expect("database 0", ask(zero, "GET", "where"), nil)
		},
		"close": func() {
			pool := &redis.Pool{MaxIdle: 3, Dial: func() (redis.Conn, error) { return redis.Dial("tcp", address) }}
			for n := 0; n < 10; n++ {
				c := pool.Get()
				must(c.Send("WATCH", fmt.Sprint("w", n)))
				must(c.Send("MULTI"))
				must(c.Close())
				c = pool.Get()
				expect("GET by what came back", ask(c, "GET", "absent"), nil)
				must(c.Close())
			}
			must(pool.Close())
		},
	})
}
