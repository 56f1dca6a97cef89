#include "engine/archive/signer.h"

#include "base/io.h"
#include "base/spawn.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNER_OUTPUT_MAX 1024

bool signer_is_set(const struct signer *s)
{
    return s && (s->private_key || s->command || s->signature_file);
}

/* 64 raw bytes, or base64 with trailing whitespace. */
static int signer_parse(const struct buffer *text, uint8_t signature[KEYS_SIGNATURE_SIZE],
                        struct error *err)
{
    if (text->len == KEYS_SIGNATURE_SIZE) {
        memcpy(signature, text->data, KEYS_SIGNATURE_SIZE);
        return 0;
    }
    return keys_parse(buffer_text(text), signature, KEYS_SIGNATURE_SIZE, err)
               ? error_set(err, EXIT_FAILED,
                           "expected 64 raw bytes or their base64, but got %zu bytes", text->len)
               : 0;
}

static int signer_read_file(const struct signer *s, uint8_t signature[KEYS_SIGNATURE_SIZE],
                            struct error *err)
{
    struct buffer text = {0};
    int rc = io_read_file(s->signature_file, SIGNER_OUTPUT_MAX, &text, err);

    if (!rc && signer_parse(&text, signature, err))
        rc = error_prefix(err, "the signature in %s", s->signature_file);
    buffer_free(&text);
    return rc;
}

/* A memory file, not a pipe, so that the command can read it whenever it likes. */
static int signer_input(const void *data, size_t len, struct error *err)
{
    int fd = memfd_create("meta.conf", MFD_CLOEXEC);

    if (fd < 0 || io_write_all(fd, data, len) || lseek(fd, 0, SEEK_SET) < 0) {
        error_errno(err, "cannot pass meta.conf to the signing command");
        io_close(&fd);
    }
    return fd;
}

static int signer_wait(pid_t pid, struct error *err)
{
    char how[128];
    int status = spawn_wait(pid);

    if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    spawn_describe(status, how, sizeof how);
    return error_set(err, EXIT_FAILED, "the signing command %s; nothing was signed", how);
}

static int signer_run(const struct signer *s, const void *data, size_t len,
                      uint8_t signature[KEYS_SIGNATURE_SIZE], struct error *err)
{
    char *const argv[] = {"sh", "-c", (char *)s->command, NULL};
    struct spawn spawn = {.program = "/bin/sh", .argv = argv, .fd_count = 3};
    struct buffer text = {0};
    int output[2] = {-1, -1}, rc = -1;
    int input = signer_input(data, len, err);

    if (input < 0)
        return -1;
    if (pipe2(output, O_CLOEXEC)) {
        error_errno(err, "cannot make a pipe");
        goto cleanup;
    }
    spawn.fds[0] = input;
    spawn.fds[1] = output[1];
    spawn.fds[2] = STDERR_FILENO;
    pid_t pid = spawn_start(&spawn, err);
    if (pid < 0)
        goto cleanup;
    io_close(&output[1]);
    rc = io_read_fd(output[0], "the signing command's output", SIGNER_OUTPUT_MAX, &text, err);
    io_close(&output[0]);
    struct error ignored;
    if (signer_wait(pid, rc ? &ignored : err))
        rc = -1;
    if (!rc && signer_parse(&text, signature, err))
        rc = error_prefix(err, "the signing command's output");
cleanup:
    io_close(&input);
    io_close(&output[0]);
    io_close(&output[1]);
    buffer_free(&text);
    return rc;
}

int signer_sign(const struct signer *s, const void *data, size_t len,
                uint8_t signature[KEYS_SIGNATURE_SIZE], struct error *err)
{
    int rc = 0;

    if (s->private_key)
        keys_sign(s->private_key, data, len, signature);
    else
        rc = s->command ? signer_run(s, data, len, signature, err)
                        : signer_read_file(s, signature, err);
    if (rc || !s->check || !s->check->count || keys_verify(s->check, signature, data, len))
        return rc;
    return error_set(err, EXIT_MISMATCH,
                     "the signature does not match the public key; nothing was signed");
}
