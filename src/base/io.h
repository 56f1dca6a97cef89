/* SPDX-License-Identifier: Apache-2.0 */
/* Complete reads and writes, and files that are replaced atomically. */
#ifndef FWSSH_BASE_IO_H
#define FWSSH_BASE_IO_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Writes all bytes to a blocking descriptor, despite signals and short writes; -1 with errno set.
 */
int io_write_all(int fd, const void *data, size_t len);

/* Reads until len bytes have arrived or the input ends. The count, or -1 with errno set. */
ssize_t io_read_full(int fd, void *data, size_t len);

/* Like pwrite(2) and pread(2), but complete; reading past the end of a file yields zeros. -1 with
 * errno set. */
int io_pwrite_all(int fd, const void *data, size_t len, uint64_t offset);
int io_pread_zero(int fd, void *data, size_t len, uint64_t offset);

/* Appends a whole file of at most max bytes to out; -1 with the error set (it names the path). */
int io_read_file(const char *path, size_t max, struct buffer *out, struct error *err);

/* The same of a regular file only: for files that we keep, where a bad disk may have left anything.
 * To open a FIFO would wait without an end. */
int io_read_regular_file(const char *path, size_t max, struct buffer *out, struct error *err);

/* The same from an open descriptor; name is for the error message. */
int io_read_fd(int fd, const char *name, size_t max, struct buffer *out, struct error *err);

/*
 * Opens for writing what is written to as it is, because a file in its place would destroy it: what
 * is there and no regular file (a device, a FIFO), and the names of our own descriptors
 * (/dev/stdout, /dev/stderr, /dev/fd/N, /proc/self/fd/N), whatever they are. Returns a descriptor
 * that the caller closes, -1 with errno, or IO_ORDINARY for any other path. flags: more for
 * open(2).
 */
#define IO_ORDINARY (-2)
int io_open_through(const char *path, int flags);

/*
 * Writes a temporary file next to path and renames it to path; flushes the file and its directory.
 * What is no regular file is written to.
 * After 0, a loss of power leaves the new contents; after -1, with the error set, the old or the
 * new.
 */
int io_write_file(const char *path, const void *data, size_t len, mode_t mode, struct error *err);

/* Removes a file; it is no error if there is none. After 0 it does not return with a loss of power;
 * -1 with the error set. */
int io_remove_file(const char *path, struct error *err);

/* Makes renames and removals in the directory of path survive a loss of power. -1 with the error
 * set. */
int io_flush_directory_of(const char *path, struct error *err);

/*
 * Makes sure that descriptors 0 to 2 are open, so that no file, lock or socket becomes one of them.
 * What was closed fails as before: standard input cannot be read, the others cannot be written.
 * For the start of main().
 */
void io_open_standard(void);

/* The path without links; of a file that is not there, the one that it would have. The caller frees
 * it. */
char *io_resolve(const char *path);

/* The end of a program: the status, or EXIT_FAILED with a line on standard error if that was 0 and
 * something could not be written to standard output. name: of the program. */
int io_end_output(const char *name, int status);

bool io_is_open(int fd);

/* As pipe(2), with both ends close-on-exec. */
int io_pipe(int ends[2]);

void io_set_nonblocking(int fd);

/* Bytes that can be read at once, of a pipe or socket; 0 where that is not known. */
uint64_t io_pending(int fd);

/* Closes the descriptor and sets it to -1; does nothing if it is -1 already. */
void io_close(int *fd);

/* Closes all descriptors from first to last (INT_MAX: to the end), whether open or not. */
void io_close_range(int first, int last);

/* The monotonic clock, in seconds. */
double io_now(void);

#endif
