package backend

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// checkLibrary reads the headers of a shared library and checks, without loading it, that it is one for this
// processor, that everything the headers promise lies within the file, and that it exports GetPjrtApi. Loading a file
// that breaks the second promise kills the process with SIGBUS, far from any error handling.
//
// Systems without ELF libraries skip the check; the probe in a child process still follows.
func checkLibrary(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if runtime.GOOS != "linux" {
		return nil
	}
	size := uint64(info.Size())
	switch {
	case size == 0:
		return fmt.Errorf("%s is empty", path)
	case !hasELFMagic(f):
		return fmt.Errorf("%s is not a shared library", path)
	}
	library, err := elf.NewFile(io.NewSectionReader(f, 0, info.Size()))
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%s is cut short at %d bytes", path, size)
		}
		return fmt.Errorf("%s is damaged or cut short at %d bytes: %w", path, size, err)
	}
	defer library.Close()
	if library.Type != elf.ET_DYN {
		return fmt.Errorf("%s is not a shared library but an ELF file of type %v", path, library.Type)
	}
	if want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]; want != elf.EM_NONE && library.Machine != want {
		return fmt.Errorf("%s is for another processor: %v, this machine is %v", path, library.Machine, want)
	}
	var end uint64
	for _, segment := range library.Progs {
		if segment.Type == elf.PT_LOAD || segment.Type == elf.PT_DYNAMIC {
			end = max(end, extent(segment.Off, segment.Filesz))
		}
	}
	for _, section := range library.Sections {
		if section.Type != elf.SHT_NOBITS {
			end = max(end, extent(section.Offset, section.FileSize))
		}
	}
	if end > size {
		return fmt.Errorf("%s is cut short: it has %d bytes of at least %d", path, size, end)
	}
	symbols, err := library.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("%s has no readable symbol table: %w", path, err)
	}
	for _, symbol := range symbols {
		if symbol.Name == "GetPjrtApi" && symbol.Section != elf.SHN_UNDEF {
			return nil
		}
	}
	return fmt.Errorf("%s is a shared library but not a PJRT plugin: it has no symbol GetPjrtApi", path)
}

// extent is offset+length, at the largest value where a damaged header makes it overflow.
func extent(offset, length uint64) uint64 {
	if offset+length < offset {
		return ^uint64(0)
	}
	return offset + length
}

func hasELFMagic(r io.ReaderAt) bool {
	var magic [4]byte
	_, err := r.ReadAt(magic[:], 0)
	return err == nil && string(magic[:]) == elf.ELFMAG
}
