/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agentless/agent_script.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/shell_word.h"
#include "wire/subsystem.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FACTS "fwssh-facts "

const char agent_script_ask[] =
    "exec /bin/sh -c 'if [ \"$(id -u)\" = 0 ]; then r=root;"
    " elif command -v sudo >/dev/null 2>&1; then r=sudo;"
    " elif doas -n true >/dev/null 2>&1; then r=doas;"
    " elif command -v doas >/dev/null 2>&1; then r=doas-password;"
    " else r=none; fi; echo; echo " FACTS "\"$(uname -m)\" $r .; exec cat >/dev/null'";

static const char *const agent_roots[] = {[AGENT_IS_ROOT] = "root",
                                          [AGENT_SUDO] = "sudo",
                                          [AGENT_DOAS] = "doas",
                                          [AGENT_DOAS_PASSWORD] = "doas-password",
                                          [AGENT_NO_ROOT] = "none"};

/*
 * $1: nonce, $2: size. The tmpfs is detached before anything is in it: from then on only this shell
 * and what it becomes hold it, and it goes with them, however they end. What an earlier one may
 * have left in the moment before that is removed by its dead process's number, but not where
 * others can write (-k, the sticky bit): what has such a name there may lead anywhere.
 * What the login shell has printed may lack the end of its line, as a terminal's title does.
 */
static const char agent_bring[] =
    "PATH=$PATH:/usr/sbin:/sbin; say() { echo \"fwssh: $1\" >&2; exit 1; }; d=; "
    "for r in /run /var/run /dev/shm /tmp; do "
    "for o in $r/fwssh-agent.*; do [ -k $r ] || [ -h $o ] || [ ! -d $o ] || [ -d /proc/${o##*.} ] "
    "|| "
    "{ umount -l $o; rmdir $o; } 2>/dev/null; done; "
    "mkdir -m 700 $r/fwssh-agent.$$ 2>/dev/null && d=$r/fwssh-agent.$$ && break; done; "
    "[ -n \"$d\" ] || say \"no directory to mount on, such as /run, can be written to\"; "
    "m=$(mount -t tmpfs -o size=16m,mode=700,nosuid,nodev fwssh-agent $d 2>&1) || "
    "{ rmdir $d; say \"cannot mount a tmpfs: $m\"; }; "
    "cd $d; m=$(umount -l $d 2>&1) || "
    "{ cd /; umount $d; rmdir $d; say \"cannot detach a tmpfs: $m\"; }; "
    "rmdir $d; echo; echo \"$3\"; cat >fwssh-agent.$1; chmod 700 fwssh-agent.$1; "
    "[ \"$(wc -c <fwssh-agent.$1)\" -eq $2 ] || say \"fwssh-agent did not arrive completely\"; "
    "exec ./fwssh-agent.$1 stay";

/* $1: process, $2: nonce, $3: marker; then arguments of fwssh-receive. The working directory keeps
 * the tmpfs, and is its state-dir. */
static const char agent_serve[] =
    "cd /proc/$1/cwd && [ -x fwssh-agent.$2 ] || "
    "{ echo \"fwssh: fwssh-agent has gone from the device\" >&2; exit 1; }; "
    "f=./fwssh-agent.$2; echo; echo \"$3\"; shift 3; exec $f fwssh-receive --agent \"$@\"";

void agent_script_init(struct agent_script *s)
{
    unsigned char random[AGENT_NONCE_TEXT / 2];

    randombytes_buf(random, sizeof random);
    sodium_bin2hex(s->nonce, sizeof s->nonce, random, sizeof random);
    s->marker = memory_printf("fwssh-ready-%s", s->nonce);
    s->prompt = memory_printf("fwssh-password-%s:", s->nonce);
}

void agent_script_free(struct agent_script *s)
{
    free(s->marker);
    free(s->prompt);
    *s = (struct agent_script){0};
}

bool agent_script_facts(const char *text, char *machine, enum agent_root *root)
{
    size_t count = sizeof agent_roots / sizeof *agent_roots, i = 0;
    const char *line = strstr(text, "\n" FACTS);
    char word[32], end[2];

    if (!line || sscanf(line, "\n" FACTS "%31s %31s %1s", machine, word, end) != 3)
        return false;
    while (i < count && strcmp(word, agent_roots[i]))
        i++;
    *root = i < count ? (enum agent_root)i : AGENT_NO_ROOT;
    return true;
}

static void agent_begin(const struct agent_script *s, enum agent_root root, const char *script,
                        struct buffer *to)
{
    buffer_add_text(to, "exec");
    if (root == AGENT_SUDO)
        buffer_printf(to, " sudo -S -p %s", s->prompt);
    if (root == AGENT_DOAS)
        buffer_add_text(to, " doas -n");
    buffer_add_text(to, " /bin/sh -c");
    shell_word_add(to, script);
    shell_word_add(to, "fwssh-agent");
}

char *agent_script_bring(const struct agent_script *s, enum agent_root root, uint64_t size)
{
    struct buffer text = {0};

    agent_begin(s, root, agent_bring, &text);
    buffer_printf(&text, " %s %llu %s", s->nonce, (unsigned long long)size, s->marker);
    return text.data;
}

static void agent_add_option(struct buffer *text, const char *key, const char *value)
{
    char *option = memory_printf("%s%s", key, value);

    buffer_add_text(text, " -o");
    shell_word_add(text, option);
    free(option);
}

char *agent_script_serve(const struct agent_script *s, enum agent_root root, int pid,
                         const struct reach *reach)
{
    struct buffer text = {0};

    agent_begin(s, root, agent_serve, &text);
    buffer_printf(&text, " %d %s %s -s " SUBSYSTEM_FWSSH " --stderr", pid, s->nonce, s->marker);
    if (reach->agent_task)
        agent_add_option(&text, "task=", reach->agent_task);
    for (size_t i = 0; i < reach->agent_option_count; i++)
        agent_add_option(&text, "", reach->agent_options[i]);
    return text.data;
}
