/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/slot_question.h"

#include "base/io.h"
#include "base/log.h"
#include "device/receive/version_settle.h"
#include "device/slots/slot_driver.h"
#include "wire/slot_facts.h"

#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUESTION_SECONDS 30

/* Only a device that says so is unconfirmed: one that does not know would be rebooted for ever. */
static enum slot_answer question_judge(const struct facts *facts)
{
    if (slot_facts_are_confirmed(facts))
        return SLOT_ANSWER_CONFIRMED;
    return slot_facts_are_unconfirmed(facts) ? SLOT_ANSWER_UNCONFIRMED : SLOT_ANSWER_UNKNOWN;
}

/* What has proved itself may be the newest version (key refuse-older). */
static void question_settle_version(const struct device_config *config)
{
    struct error err;

    if (version_settle(config, &err))
        log_error("%s", err.text);
}

static enum slot_answer question_ask_confirmed(const struct device_config *config)
{
    enum slot_answer answer = SLOT_ANSWER_UNCONFIRMED;
    struct facts facts = {0};
    struct error ignored;

    if (!slot_driver_read(config, &facts, &ignored))
        answer = question_judge(&facts);
    facts_free(&facts);
    if (answer == SLOT_ANSWER_CONFIRMED)
        question_settle_version(config);
    return answer;
}

/* The first look since the boot records what boots next, which is what runs
 * (slots/boot_memory.h). */
static enum slot_answer question_ask_running(const struct device_config *config)
{
    struct facts facts = {0};
    struct error err;

    if (slot_driver_read(config, &facts, &err))
        log_warning("%s", err.text);
    else if (slot_facts_state(&facts) == SLOT_UNKNOWN)
        log_info(SLOTS_ARE_UNKNOWN);
    facts_free(&facts);
    question_settle_version(config);
    return SLOT_ANSWER_UNKNOWN;
}

static void question_child(const struct device_config *config,
                           enum slot_answer (*ask)(const struct device_config *), pid_t parent)
{
    sigset_t none;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
        _exit(SLOT_ANSWER_NONE);
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Sockets, a watchdog: what the caller has open ends with the caller. */
    io_close_range(STDERR_FILENO + 1, INT_MAX);
    _exit((int)ask(config));
}

static int question_start(struct slot_question *q, const struct device_config *config,
                          enum slot_answer (*ask)(const struct device_config *), struct error *err)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid < 0)
        return error_errno(err, "cannot start a process");
    if (pid == 0)
        question_child(config, ask, parent);
    *q = (struct slot_question){.pid = pid, .end = io_now() + QUESTION_SECONDS};
    return 0;
}

int slot_question_confirmed(struct slot_question *q, const struct device_config *config,
                            struct error *err)
{
    return question_start(q, config, question_ask_confirmed, err);
}

int slot_question_running(struct slot_question *q, const struct device_config *config,
                          struct error *err)
{
    return question_start(q, config, question_ask_running, err);
}

enum slot_answer slot_question_end(struct slot_question *q, int wait_status)
{
    q->pid = 0;
    if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) >= SLOT_ANSWER_NONE)
        return SLOT_ANSWER_NONE;
    return (enum slot_answer)WEXITSTATUS(wait_status);
}

enum slot_answer slot_question_poll(struct slot_question *q)
{
    int status;

    if (waitpid(q->pid, &status, WNOHANG) == q->pid)
        return slot_question_end(q, status);
    /* A process that the kernel cannot kill stays; then nothing else is asked. */
    if (io_now() >= q->end)
        kill(q->pid, SIGKILL);
    return SLOT_ANSWER_LATER;
}
