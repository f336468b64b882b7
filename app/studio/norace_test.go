//go:build !race

package studio

const raced = false
