#include "host/remote/ssh_command.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SSH_CONFIG_MAX (1u << 20)
/* A link that has died is noticed after a minute. */
#define SSH_CONNECT_TIMEOUT "ConnectTimeout=15"
#define SSH_ALIVE_INTERVAL "ServerAliveInterval=15"
#define SSH_ALIVE_COUNT "ServerAliveCountMax=4"

struct ssh_args {
    size_t count;
    char *arg[SSH_ARGS_MAX + 1]; /* all owned */
};

static void ssh_add(struct ssh_args *a, const char *text)
{
    if (a->count < SSH_ARGS_MAX)
        a->arg[a->count++] = memory_text(text);
}

static void ssh_add_option(struct ssh_args *a, const char *text)
{
    ssh_add(a, "-o");
    ssh_add(a, text);
}

static void ssh_args_free(struct ssh_args *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->arg[i]);
}

/* A command of words goes through the shell, as git's core.sshCommand does. */
static void ssh_add_program(struct ssh_args *a, const struct push_options *o)
{
    if (!o->ssh || !*o->ssh) {
        ssh_add(a, "ssh");
        return;
    }
    char *script = memory_printf("%s \"$@\"", o->ssh);
    ssh_add(a, "/bin/sh");
    ssh_add(a, "-c");
    ssh_add(a, script);
    ssh_add(a, o->ssh);
    free(script);
}

static int ssh_is_private_key(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return !strncmp(entry->d_name, "id_", 3) &&
           (len < 4 || strcmp(entry->d_name + len - 4, ".pub"));
}

static void ssh_add_user_dir(struct ssh_args *a, const char *dir)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, ssh_is_private_key, alphasort);

    for (int i = 0; i < count; i++) {
        char *path = memory_printf("%s/%s", dir, entries[i]->d_name);
        ssh_add(a, "-i");
        ssh_add(a, path);
        free(path);
        free(entries[i]);
    }
    free(entries);
    if (count > 0)
        ssh_add_option(a, "IdentitiesOnly=yes");
}

static char *ssh_host_argument(const struct push_options *o, const char *host)
{
    return o->user ? memory_printf("%s@%s", o->user, host) : memory_text(host);
}

/* Options that both ssh -G and the push itself take; the user's come first, as ssh keeps the first
 * value. */
static void ssh_add_common(struct ssh_args *a, const struct push_options *o)
{
    for (size_t i = 0; i < o->ssh_option_count; i++)
        ssh_add_option(a, o->ssh_options[i]);
    if (o->host_key_alias) {
        char *alias = memory_printf("HostKeyAlias=%s", o->host_key_alias);
        ssh_add_option(a, alias);
        free(alias);
    }
}

static void ssh_target_line(struct ssh_target *t, char *line)
{
    char *value = strchr(line, ' ');

    if (!value)
        return;
    *value++ = '\0';
    if (!strcmp(line, "hostname") && !t->hostname)
        t->hostname = memory_text(value);
    else if (!strcmp(line, "port"))
        t->port = atoi(value);
    else if (!strcmp(line, "hostkeyalias") && !t->known_as && strcmp(value, "none"))
        t->known_as = memory_text(value);
    else if (!strcmp(line, "userknownhostsfile") && !t->known_hosts)
        t->known_hosts = memory_printf("%.*s", (int)strcspn(value, " "), value);
    else if (!strcmp(line, "connecttimeout"))
        t->has_connect_timeout = strcmp(value, "none") != 0;
    else if (!strcmp(line, "serveraliveinterval"))
        t->has_alive_interval = strcmp(value, "0") != 0;
}

static int ssh_ask_config(const struct push_options *o, const char *host, struct buffer *text,
                          struct error *err)
{
    struct ssh_args a = {0};
    int out[2], rc = -1;

    ssh_add_program(&a, o);
    ssh_add_common(&a, o);
    ssh_add(&a, "-GT");
    ssh_add(&a, "--");
    ssh_add(&a, host);
    if (pipe2(out, O_CLOEXEC)) {
        error_errno(err, "cannot make a pipe");
        goto cleanup;
    }
    struct spawn s = {
        .program = a.arg[0], .argv = a.arg, .fds = {-1, out[1], STDERR_FILENO}, .fd_count = 3};
    pid_t pid = spawn_start(&s, err);
    close(out[1]);
    if (pid < 0) {
        error_prefix(err, "the OpenSSH client is needed on this machine");
    } else {
        rc = io_read_fd(out[0], "ssh -G", SSH_CONFIG_MAX, text, err);
        int status = spawn_wait(pid);
        if (!rc && status)
            rc = error_set(err, EXIT_USAGE, "ssh does not accept host or options: see above");
    }
    close(out[0]);
cleanup:
    ssh_args_free(&a);
    return rc;
}

int ssh_target_resolve(struct ssh_target *t, const struct push_options *o, const char *host,
                       struct error *err)
{
    struct buffer text = {0};

    *t = (struct ssh_target){.given = ssh_host_argument(o, host)};
    if (ssh_ask_config(o, t->given, &text, err)) {
        buffer_free(&text);
        ssh_target_free(t);
        return -1;
    }
    char *rest = text.data;
    for (char *line; (line = strsep(&rest, "\n"));)
        ssh_target_line(t, line);
    buffer_free(&text);
    if (o->port)
        t->port = o->port;
    else if (t->port == 22 || !t->port)
        t->port = push_options_are_bare(o) ? 22 : PUSH_DEFAULT_PORT;
    if (!t->hostname)
        t->hostname = memory_text(host);
    if (!t->known_as)
        t->known_as = t->port == 22 ? memory_text(t->hostname)
                                    : memory_printf("[%s]:%d", t->hostname, t->port);
    return 0;
}

void ssh_target_free(struct ssh_target *t)
{
    free(t->given);
    free(t->hostname);
    free(t->known_as);
    free(t->known_hosts);
    *t = (struct ssh_target){0};
}

static void ssh_arguments(struct ssh_args *a, const struct push_options *o,
                          const struct ssh_target *t, const char *const *extra)
{
    char port[16];

    ssh_add_program(a, o);
    ssh_add_common(a, o);
    ssh_add(a, "-T");
    for (; extra && *extra; extra++)
        ssh_add(a, *extra);
    if (o->user_dir)
        ssh_add_user_dir(a, o->user_dir);
    if (!t->has_connect_timeout)
        ssh_add_option(a, SSH_CONNECT_TIMEOUT);
    if (!t->has_alive_interval) {
        ssh_add_option(a, SSH_ALIVE_INTERVAL);
        ssh_add_option(a, SSH_ALIVE_COUNT);
    }
    /* Password prompts of the origin's devices can never succeed. */
    ssh_add_option(a, "PreferredAuthentications=publickey");
    snprintf(port, sizeof port, "%d", t->port);
    ssh_add(a, "-p");
    ssh_add(a, port);
    if (!o->exec)
        ssh_add(a, "-s");
    ssh_add(a, "--");
    ssh_add(a, t->given);
    ssh_add(a, o->subsystem);
}

pid_t ssh_command_start(const struct push_options *o, const struct ssh_target *t,
                        const char *const *extra, struct ssh_askpass *askpass, const int fds[3],
                        struct error *err)
{
    struct ssh_args a = {0};

    ssh_arguments(&a, o, t, extra);
    struct spawn s = {.program = a.arg[0],
                      .argv = a.arg,
                      .fds = {fds[0], fds[1], fds[2]},
                      .fd_count = 3,
                      .extra_env = askpass->environment};
    pid_t pid = spawn_start(&s, err);
    ssh_args_free(&a);
    return pid;
}
