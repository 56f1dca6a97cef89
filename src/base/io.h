/* Whole reads and writes, and files that appear whole or not at all. */
#ifndef FWSSH_BASE_IO_H
#define FWSSH_BASE_IO_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

/* Writes all bytes to a blocking descriptor, also across signals and short writes; -1 with errno.
 */
int io_write_all(int fd, const void *data, size_t len);

/* Reads until len bytes are there or the input ends; the count, or -1 with errno. */
ssize_t io_read_full(int fd, void *data, size_t len);

/* As pwrite(2) and pread(2), but whole; reading behind the end of a file yields zeros. -1 with
 * errno. */
int io_pwrite_all(int fd, const void *data, size_t len, uint64_t offset);
int io_pread_zero(int fd, void *data, size_t len, uint64_t offset);

/* Appends a whole file of at most max bytes; -1 with the error set (the text names the path). */
int io_read_file(const char *path, size_t max, struct buffer *out, struct error *err);

/* The same from an open descriptor; the name is for the error's text. */
int io_read_fd(int fd, const char *name, size_t max, struct buffer *out, struct error *err);

/* Writes a temporary file next to the path and renames it over the path; both are flushed. */
int io_write_file(const char *path, const void *data, size_t len, mode_t mode, struct error *err);

void io_set_nonblocking(int fd);

/* Bytes that can be read at once, of a pipe or socket; 0 where that is not known. */
uint64_t io_pending(int fd);

/* Closes and sets to -1; a descriptor of -1 is left alone. */
void io_close(int *fd);

/* Seconds of the monotonic clock. */
double io_now(void);

#endif
