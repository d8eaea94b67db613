// Runs the cells that the command line names, and prints of each how it went.
//
// Arguments: port, "proxy" or "control", cells. A cell without a function is one that the library
// has no use for.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

var address = "127.0.0.1:" + os.Args[1]
var control = os.Args[2] == "control"

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(what string, found interface{}, wanted interface{}) {
	if fmt.Sprint(found) != fmt.Sprint(wanted) {
		panic(fmt.Sprintf("%s: %v instead of %v", what, found, wanted))
	}
}

func run(debian string, cells map[string]func()) {
	version, _ := exec.Command("dpkg-query", "-W", "-f", "${Version}", debian).Output()
	fmt.Println("version", strings.Split(strings.TrimPrefix(string(version), "1:"), "-")[0])
	for _, name := range os.Args[3:] {
		if cells[name] == nil {
			fmt.Println(name, "none")
		} else {
			one(name, cells[name])
		}
	}
}

func one(name string, cell func()) {
	defer func() {
		if why := recover(); why != nil {
			fmt.Println(name, "fail", strings.ReplaceAll(fmt.Sprint(why), "\n", " "))
		} else {
			fmt.Println(name, "ok")
		}
	}()
	cell()
}
