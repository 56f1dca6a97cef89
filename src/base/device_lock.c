#include "base/device_lock.h"

#include "base/buffer.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TEXT_MAX 64

static void device_lock_name(const char *pattern, const char *device, struct buffer *name)
{
    static const char placeholder[] = "DEVICE";
    const char *at = strstr(pattern, placeholder);

    if (!at) {
        buffer_add_text(name, pattern);
        return;
    }
    buffer_add(name, pattern, (size_t)(at - pattern));
    for (const char *p = device; *p; p++)
        buffer_add(name, *p == '/' ? "_" : p, 1);
    buffer_add_text(name, at + strlen(placeholder));
}

static int device_lock_busy(int fd, struct error *err)
{
    char since[LOCK_TEXT_MAX + 1];
    ssize_t n = pread(fd, since, LOCK_TEXT_MAX, 0);

    since[n > 0 ? n : 0] = '\0';
    return error_set(
        err, EXIT_REFUSED,
        "another update is running (started %s); wait for it to finish, then try again",
        *since ? since : "a moment ago");
}

static void device_lock_note_time(int fd)
{
    char text[LOCK_TEXT_MAX];
    time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    size_t len = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm);
    /* Only for the message that a second update gets; the lock works without it. */
    if (ftruncate(fd, 0) || pwrite(fd, text, len, 0) < 0)
        return;
}

int device_lock_take(const char *pattern, const char *device, struct error *err)
{
    struct buffer name = {0};

    device_lock_name(pattern, device, &name);
    int fd = open(buffer_text(&name), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        error_errno(err, "cannot open the lock file %s (key lock-file)", buffer_text(&name));
    } else if (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno == EWOULDBLOCK)
            device_lock_busy(fd, err);
        else
            error_errno(err, "cannot lock %s", buffer_text(&name));
        io_close(&fd);
    } else {
        device_lock_note_time(fd);
    }
    buffer_free(&name);
    return fd;
}
