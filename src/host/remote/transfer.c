#include "host/remote/transfer.h"

#include "base/io.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define TRANSFER_PIECE 65536
/* What a pipe holds: until more than this has gone, ssh may still be asking the person for a
 * passphrase. */
#define TRANSFER_PIPE 65536

/* The one flag that a signal sets: how many have come. */
static volatile sig_atomic_t transfer_signal;

static void transfer_on_signal(int sig)
{
    (void)sig;
    transfer_signal++;
}

void transfer_watch_signals(void)
{
    struct sigaction action = {.sa_handler = transfer_on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

bool transfer_is_interrupted(void)
{
    return transfer_signal != 0;
}

int transfer_interrupts(void)
{
    return transfer_signal;
}

void transfer_pause(double seconds)
{
    double end = io_now() + seconds;

    for (double left = seconds; left > 0 && !transfer_signal; left = end - io_now())
        (void)poll(NULL, 0, left < 0.1 ? (int)(left * 1000) + 1 : 100);
}

/* What is on its way to ssh. */
struct transfer_feed {
    int fd; /* ssh's standard input, -1 when all has been sent */
    int file;
    size_t pos, len;
    size_t header; /* bytes of the header that are still in front */
    char piece[TRANSFER_PIECE];
};

static void transfer_keep(struct buffer *text, const char *data, size_t len)
{
    buffer_add(text, data, len);
    if (text->len > TRANSFER_TEXT_MAX)
        buffer_drop(text, text->len - TRANSFER_TEXT_MAX);
}

static int transfer_fill(struct transfer_feed *f, struct transfer *t, struct error *err)
{
    ssize_t n = read(f->file, f->piece, sizeof f->piece);

    if (n < 0)
        return error_errno(err, "cannot read the firmware");
    if (n == 0 && t->sent < t->total)
        return error_set(err, EXIT_FAILED,
                         "the firmware file became shorter while it was being sent");
    f->pos = 0;
    f->len = (size_t)n;
    return 0;
}

static int transfer_feed_some(struct transfer_feed *f, struct transfer *t, struct error *err)
{
    if (!f->len && transfer_fill(f, t, err))
        return -1;
    uint64_t most = t->total - t->sent + f->header;
    size_t len = f->len < most ? f->len : (size_t)most;
    ssize_t n = len ? write(f->fd, f->piece + f->pos, len) : 0;
    if (n < 0 && errno == EPIPE) {
        io_close(&f->fd); /* ssh has ended; its words and status say why */
        return 0;
    }
    if (n < 0)
        return errno == EAGAIN || errno == EINTR
                   ? 0
                   : error_errno(err, "cannot pass the firmware to ssh");
    f->pos += (size_t)n;
    f->len -= (size_t)n;
    size_t of_header = (size_t)n < f->header ? (size_t)n : f->header;
    f->header -= of_header;
    t->sent += (uint64_t)n - of_header;
    if (t->sent == t->total && !f->header) {
        io_close(&f->fd);
        t->all_sent = io_now();
    }
    return 0;
}

static void transfer_listen(int *fd, int stream, struct transfer *t, struct console *console)
{
    char data[4096];
    ssize_t n = read(*fd, data, sizeof data);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        io_close(fd);
        return;
    }
    transfer_keep(stream ? &t->err : &t->out, data, (size_t)n);
    console_device_text(console, stream, data, (size_t)n);
}

static int transfer_loop(struct transfer *t, struct transfer_feed *feed, int *out, int *err_fd,
                         double seconds, struct console *console, struct error *err)
{
    uint64_t shown = 0;

    while (*out >= 0 || *err_fd >= 0) {
        struct pollfd p[3] = {{.fd = feed->fd, .events = POLLOUT},
                              {.fd = *out, .events = POLLIN},
                              {.fd = *err_fd, .events = POLLIN}};
        double left = t->began + seconds - io_now();
        if (seconds > 0 && left <= 0) {
            t->timed_out = true;
            return 0;
        }
        if (poll(p, 3, seconds > 0 ? (int)(left * 1000) + 1 : -1) < 0 && errno != EINTR)
            return error_errno(err, "cannot wait for ssh");
        if (transfer_signal) {
            t->interrupted = true;
            return 0;
        }
        if (p[1].revents)
            transfer_listen(out, 0, t, console);
        if (p[2].revents)
            transfer_listen(err_fd, 1, t, console);
        if (p[0].revents && transfer_feed_some(feed, t, err))
            return -1;
        if (t->sent != shown && (t->sent > TRANSFER_PIPE || t->out.len)) {
            console_progress(console, t->sent, t->total);
            shown = t->sent;
        }
    }
    return 0;
}

int transfer_run(struct transfer *t, const struct push_options *o, const struct ssh_target *target,
                 const char *header, struct firmware_file *firmware, double seconds,
                 struct console *console, struct error *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, errors[2] = {-1, -1};
    struct transfer_feed feed = {
        .file = firmware->fd, .len = strlen(header), .header = strlen(header)};
    struct ssh_askpass askpass;
    int rc = -1;

    *t = (struct transfer){.total = firmware->size, .began = io_now()};
    memcpy(feed.piece, header, feed.len);
    if (ssh_askpass_open(&askpass, o->passphrase, err))
        return -1;
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(errors, O_CLOEXEC)) {
        error_errno(err, "cannot make a pipe");
        goto cleanup;
    }
    const int fds[3] = {in[0], out[1], errors[1]};
    pid_t pid = ssh_command_start(o, target, NULL, &askpass, fds, err);
    io_close(&in[0]);
    io_close(&out[1]);
    io_close(&errors[1]);
    if (pid < 0)
        goto cleanup;
    io_set_nonblocking(in[1]);
    feed.fd = in[1];
    in[1] = -1;
    rc = transfer_loop(t, &feed, &out[0], &errors[0], seconds, console, err);
    io_close(&feed.fd);
    if (rc || t->interrupted || t->timed_out)
        kill(pid, SIGTERM);
    t->wait_status = spawn_wait(pid);
    t->ended = io_now();
cleanup:
    for (int i = 0; i < 2; i++) {
        io_close(&in[i]);
        io_close(&out[i]);
        io_close(&errors[i]);
    }
    ssh_askpass_close(&askpass);
    return rc;
}

void transfer_free(struct transfer *t)
{
    buffer_free(&t->out);
    buffer_free(&t->err);
}
