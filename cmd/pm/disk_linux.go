package main

import "golang.org/x/sys/unix"

// diskRoom is what the file system of a folder has left for pm, and its size, in bytes.
func diskRoom(dir string) (free, total uint64, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, 0, err
	}
	size := uint64(fs.Bsize)
	return fs.Bavail * size, fs.Blocks * size, nil
}
