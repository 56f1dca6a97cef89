/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that reach outside the medium: they write to paths or run programs, and need --unsafe.
 */
#include "base/io.h"
#include "engine/apply/op.h"
#include "engine/apply/op_shell.h"
#include "engine/apply/resource_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <mtd/ubi-user.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OP_EXECUTE_UNITS 512

static int op_file_plan(struct op *op, const struct op_source *source, struct error *err)
{
    (void)err;
    op->units = op->type == &op_execute      ? OP_EXECUTE_UNITS
                : op->type == &op_path_write ? source->resource_size
                                             : source->resource_span;
    return 0;
}

/* The target, and how far it has been written. */
struct op_file {
    int fd;
    const char *name;
    uint64_t at;
    bool keep_holes;
};

static int op_file_failed(const struct op_file *f, struct error *err)
{
    return error_errno(err, "cannot write to '%s'", f->name);
}

static int op_file_take(void *data, uint64_t at, const uint8_t *bytes, size_t len,
                        struct error *err)
{
    static const uint8_t zeros[4096];
    struct op_file *f = data;

    /* The last call, without data, extends the file over a trailing hole. */
    if (f->keep_holes && at > f->at &&
        (ftruncate(f->fd, (off_t)at) || lseek(f->fd, 0, SEEK_END) < 0))
        return op_file_failed(f, err);
    if (f->keep_holes)
        f->at = at;
    while (f->at < at) {
        size_t n = at - f->at < sizeof zeros ? (size_t)(at - f->at) : sizeof zeros;
        if (io_write_all(f->fd, zeros, n))
            return op_file_failed(f, err);
        f->at += n;
    }
    f->at += len;
    return io_write_all(f->fd, bytes, len) ? op_file_failed(f, err) : 0;
}

static int op_path_write_run(const struct op *op, struct op_context *context, struct error *err)
{
    struct op_file f = {.name = op->argv[0]};
    struct stat st;

    f.fd = open(f.name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (f.fd < 0)
        return error_errno(err, "path_write can't open '%s'", f.name);
    /* A device or a FIFO has no holes: what was there before would stay in them. */
    f.keep_holes = !fstat(f.fd, &st) && S_ISREG(st.st_mode);
    int rc = resource_stream_each(context->resource, false, op_file_take, &f, err);
    /* EINVAL: a special file that has nothing to flush. */
    if (!rc && fsync(f.fd) && errno != EINVAL)
        rc = op_file_failed(&f, err);
    if (close(f.fd) && !rc)
        rc = op_file_failed(&f, err);
    return rc;
}

const struct op_type op_path_write = {"path_write", op_file_plan, op_path_write_run, true};

static int op_ubi_volume_write_run(const struct op *op, struct op_context *context,
                                   struct error *err)
{
    struct op_file f = {.name = op->argv[0]};
    int64_t size = (int64_t)op->units;
    int rc;

    f.fd = open(f.name, O_WRONLY | O_CLOEXEC);
    if (f.fd < 0)
        return error_errno(err, "ubi_volume_write can't open '%s'", f.name);
    /* From here on the volume counts as damaged until all of its data has arrived. */
    if (ioctl(f.fd, UBI_IOCVOLUP, &size))
        rc = error_errno(err, "'%s' cannot be updated as a UBI volume", f.name);
    else
        rc = resource_stream_each(context->resource, true, op_file_take, &f, err);
    if (close(f.fd) && !rc)
        rc = op_file_failed(&f, err);
    return rc;
}

const struct op_type op_ubi_volume_write = {"ubi_volume_write", op_file_plan,
                                            op_ubi_volume_write_run, true};

static int op_pipe_write_run(const struct op *op, struct op_context *context, struct error *err)
{
    struct op_file f = {.name = op->argv[0]};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    struct error how;
    int ends[2];

    if (io_pipe(ends))
        return error_errno(err, "pipe_write");
    pid_t pid = op_shell_start(op->argv[0], ends[0], context->report->framing, err);
    close(ends[0]);
    f.fd = ends[1];
    /* A command that exits early must lead to an error, not to a signal. */
    sigaction(SIGPIPE, &ignore, &before);
    int rc = pid < 0 ? -1 : resource_stream_each(context->resource, true, op_file_take, &f, err);
    sigaction(SIGPIPE, &before, NULL);
    close(ends[1]);
    /* Why the command exited says more than a broken pipe. */
    if (pid >= 0 && op_shell_wait(op->argv[0], pid, &how)) {
        *err = how;
        rc = -1;
    }
    return rc;
}

const struct op_type op_pipe_write = {"pipe_write", op_file_plan, op_pipe_write_run, true};

static int op_execute_run(const struct op *op, struct op_context *context, struct error *err)
{
    if (op_shell_run(op->argv[0], context->report->framing, err))
        return error_prefix(err, "execute");
    report_add(context->report, op->units);
    return 0;
}

const struct op_type op_execute = {"execute", op_file_plan, op_execute_run, true};
