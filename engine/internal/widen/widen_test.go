// Package widen has one test, which makes the code for vectors of sixteen values from that for eight. It is apart from the
// packages that have such code so that it runs where they do not compile for want of vectors.
package widen

import (
	"bytes"
	"flag"
	"go/format"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "make vectors16_amd64.go anew")

// The code for sixteen values is the code for eight, but for the names.
func TestSixteenLanesAreMadeFromEight(t *testing.T) {
	for _, folder := range []string{"direct", "translate"} {
		eight, sixteen := filepath.Join("..", "..", folder, "vectors8_amd64.go"), filepath.Join("..", "..", folder, "vectors16_amd64.go")
		src, err := os.ReadFile(eight)
		if err != nil {
			t.Fatal(err)
		}
		src = regexp.MustCompile(`(?m)^// What this file computes(.*\n)+?\n`).ReplaceAll(src, nil)
		src = regexp.MustCompile(`\b(lanes|[a-zA-Z0-9]*[a-zA-Z]|[A-Z][a-z]+32x)8\b`).ReplaceAll(src, []byte("${1}16"))
		src = bytes.ReplaceAll(src, []byte("lanes16 = 8"), []byte("lanes16 = 16"))
		src = bytes.ReplaceAll(src, []byte("RoundToEven()"), []byte("RoundToEvenScaled(0)"))
		src = append([]byte("// Code generated from vectors8_amd64.go by TestSixteenLanesAreMadeFromEight. DO NOT EDIT.\n\n"), src...)
		if src, err = format.Source(src); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(sixteen, src, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if is, err := os.ReadFile(sixteen); err != nil || !bytes.Equal(is, src) {
			t.Errorf("%s is not what %s makes of it (%v): run go test ./engine/internal/widen -update", sixteen, eight, err)
		}
	}
}
