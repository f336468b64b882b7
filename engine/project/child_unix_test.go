//go:build !windows

package project

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

func absolute(name string) string { return "/" + name }

// childCreateAsNobody tries to make a project; root, whom no permission stops,
// becomes nobody first.
func childCreateAsNobody(dir string) {
	if os.Geteuid() == 0 {
		childFail(syscall.Setuid(65534))
	}
	_, err := Create(dir+"/project", testSettings())
	fmt.Println(err)
}

func TestUnwritableFolderIsExplained(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, "create as nobody", dir)
	c.out.Scan()
	mention(t, fmt.Errorf("%s", c.out.Text()), "making the folder "+dir, "not allowed", "choose another folder")
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}
