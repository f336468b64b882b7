package datasets

import (
	"io"
	"os"
)

// Dimensions reads the width and height in pixels from a picture's header, as stored, before any EXIF turn.
func Dimensions(path string) (w, h int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, unreadable(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, unreadable(path, err)
	}
	src := io.NewSectionReader(f, 0, info.Size())
	head := make([]byte, sniffLen)
	n, err := src.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return 0, 0, unreadable(path, err)
	}
	c, what := sniff(head[:n])
	if c == nil {
		return 0, 0, fileError(path, Unsupported, nil, "is no picture that this program reads %s", what)
	}
	config, err := guardConfig(c, src)
	if err != nil {
		return 0, 0, broken(path, c, err)
	}
	return config.Width, config.Height, nil
}
