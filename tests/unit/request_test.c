/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "wire/answer.h"
#include "wire/request.h"
#include "wire/slot_facts.h"

#include <string.h>

#define SHA256 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static int parse(const char *text, struct request *q, struct error *err)
{
    return request_parse(text, strlen(text), q, err);
}

static void prints_as(const struct request *q, const char *expected)
{
    struct buffer line = {0};

    request_print(q, &line);
    assert_string_equal(buffer_text(&line), expected);
    buffer_free(&line);
}

TEST(requests_of_the_host)
{
    struct request q = {.verb = REQUEST_UPDATE, .size = 5, .reboot = true};

    prints_as(&q, "fwssh/1 update size=5 reboot=yes stage=no\n");
    strcpy(q.task, "complete");
    q.reboot = false;
    q.stage = true;
    prints_as(&q, "fwssh/1 update size=5 task=complete reboot=no stage=yes\n");
    memset(q.sha256, 'a', 64);
    prints_as(&q, "fwssh/1 update size=5 task=complete reboot=no stage=yes sha256=" SHA256 "\n");
    q = (struct request){.verb = REQUEST_STATUS};
    prints_as(&q, "fwssh/1 status\n");
    q = (struct request){.verb = REQUEST_REVERT, .reason = "too slow,\nsays \xc3\xa4"};
    prints_as(&q, "fwssh/1 revert reason=too_slow,_says___\n");
}

TEST(values_and_their_defaults)
{
    struct request q;
    struct error err;

    assert_int_equal(parse("fwssh/1 update size=7", &q, &err), 0);
    assert_true(q.verb == REQUEST_UPDATE && q.size == 7 && q.reboot && !q.stage && !*q.task);
    assert_int_equal(parse("fwssh/1 update size=7 sha256=" SHA256, &q, &err), 0);
    assert_string_equal(q.sha256, SHA256);
    assert_int_equal(parse("fwssh/1 assemble sha256=" SHA256, &q, &err), 0);
    assert_string_equal(q.sha256, SHA256);
    assert_int_equal(parse("fwssh/1 revert reason=too_slow", &q, &err), 0);
    assert_string_equal(q.reason, "too slow");
}

TEST(what_is_no_request)
{
    static const char *const bad[] = {
        "",
        "fwssh/1",
        "fwssh/2 status",
        "fwssh/1 dance",
        "fwssh/1 status size=5",
        "fwssh/1 update",
        "fwssh/1 update size=0",
        "fwssh/1 update size=9223372036854775808",
        "fwssh/1 update size=5 reboot=maybe",
        "fwssh/1 update size=5 task",
        ("fwssh/1 update size=5 sha256=" SHA256 "a"),
        "fwssh/1 update size=5 sha256=xyz",
        "fwssh/1 revert task=x",
        "fwssh/1 status ",
        "fwssh/1\tstatus",
    };
    struct request q;
    struct error err;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse(bad[i], &q, &err), -1);
        assert_int_equal(err.status, EXIT_USAGE);
    }
}

TEST(verbs_that_change_something)
{
    for (enum request_verb verb = 0; verb < REQUEST_VERBS; verb++) {
        assert_true(request_find_verb(request_name(verb)) == verb);
        assert_int_equal(request_changes(verb), verb != REQUEST_STATUS && verb != REQUEST_LOG);
    }
    assert_true(request_find_verb("dance") == REQUEST_VERBS);
}

TEST(answers)
{
    struct answer a;

    assert_true(answer_parse(&a, "fwssh/1 ok\nactive=a\nnext=b\n"));
    assert_true(a.status == EXIT_DONE && !strcmp(facts_get(&a.facts, "next"), "b"));
    answer_free(&a);
    assert_true(answer_parse(&a, "Welcome!\nfwssh/1 error 3 busy\x01, wait\n"));
    assert_int_equal(a.status, EXIT_REFUSED);
    assert_string_equal(buffer_text(&a.reason), "busy?, wait");
    answer_free(&a);
    /* A status that no device may send. */
    assert_true(answer_parse(&a, "board fwssh/1: okfwssh/1 ok\nactive=a\n"));
    assert_string_equal(facts_get(&a.facts, "active"), "a");
    answer_free(&a);
    assert_true(answer_parse(&a, "$ fwssh/1 error 3 busy\nfwssh/1 ok\n"));
    assert_int_equal(a.status, EXIT_REFUSED);
    answer_free(&a);
    assert_false(answer_parse(&a, "fwssh/1 okay\nfwssh/1\n ok\n"));
    answer_free(&a);
    assert_true(answer_parse(&a, "fwssh/1 error 77 x\n"));
    assert_int_equal(a.status, EXIT_FAILED);
    answer_free(&a);
    assert_true(answer_parse(&a, "fwssh/1 error "));
    assert_int_equal(a.status, EXIT_FAILED);
    answer_free(&a);
    assert_false(answer_parse(&a, "fwssh/1 ok"));
    assert_false(answer_parse(&a, "say fwssh/1 ok, then\n"));
    assert_false(answer_parse(&a, ""));
    answer_free(&a);
}

TEST(an_error_is_read_as_it_was_printed)
{
    struct error err = {.status = EXIT_ACCESS, .text = "not on the wire"};
    struct buffer text = {0};
    struct answer a;

    answer_print_error(&err, &text);
    assert_string_equal(buffer_text(&text), "fwssh/1 error 1 not on the wire\n");
    assert_true(answer_parse(&a, buffer_text(&text)));
    assert_string_equal(buffer_text(&a.reason), "not on the wire");
    answer_free(&a);
    buffer_free(&text);
}

static void reason_is(const char *out, const char *errors, const char *expected)
{
    struct buffer reason = {0};

    assert_int_equal(answer_find_reason(out, errors, &reason), expected != NULL);
    assert_string_equal(buffer_text(&reason), expected ? expected : "");
    buffer_free(&reason);
}

TEST(the_reason_of_a_failed_update)
{
    reason_is("fwssh/1 ok\ntext\nfwssh/1 error 1 first\nfwssh/1 error 1 last\n", "fwssh: no\n",
              "last");
    reason_is("fwssh: on stdout\n", "Warning: x\nfwssh: one\nfwssh: two\r\n", "two");
    reason_is("Running fwup...\nfwssh: under sshd\n", "", "under sshd");
    reason_is("Running fwup...\n", "ssh: x\n not fwssh: y\n", NULL);
}

TEST(states_of_the_slots)
{
    struct facts f = {0};

    assert_true(slot_facts_state(&f) == SLOT_UNKNOWN);
    facts_set(&f, "active", "a");
    assert_true(slot_facts_state(&f) == SLOT_UNKNOWN);
    slot_facts_set_pending(&f);
    assert_string_equal(facts_get(&f, "pending"), "");
    facts_set(&f, "next", "a");
    assert_true(slot_facts_state(&f) == SLOT_SETTLED);
    facts_set(&f, "next", "b");
    assert_true(slot_facts_state(&f) == SLOT_PENDING);
    slot_facts_set_pending(&f);
    assert_string_equal(facts_get(&f, "pending"), "new");
    /* The device's own word counts more than the comparison. */
    facts_set(&f, "pending", "no");
    assert_true(slot_facts_state(&f) == SLOT_SETTLED);
    facts_free(&f);
}

TEST(which_firmware_runs_and_what_the_device_can_do)
{
    struct facts f = {0};

    assert_false(slot_facts_run(&f, "u", "1"));
    facts_set(&f, "version", "1");
    assert_true(slot_facts_run(&f, "u", "1"));
    assert_false(slot_facts_run(&f, "u", NULL));
    facts_set(&f, "uuid", "v");
    assert_false(slot_facts_run(&f, "u", "1"));
    assert_true(slot_facts_run(&f, "v", NULL));
    facts_set(&f, "can", "status staged stage");
    assert_true(slot_facts_can(&f, "stage"));
    assert_false(slot_facts_can(&f, "stag"));
    facts_set(&f, "can", "staged");
    assert_false(slot_facts_can(&f, "stage"));
    facts_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_the_host),
        cmocka_unit_test(values_and_their_defaults),
        cmocka_unit_test(what_is_no_request),
        cmocka_unit_test(verbs_that_change_something),
        cmocka_unit_test(answers),
        cmocka_unit_test(an_error_is_read_as_it_was_printed),
        cmocka_unit_test(the_reason_of_a_failed_update),
        cmocka_unit_test(states_of_the_slots),
        cmocka_unit_test(which_firmware_runs_and_what_the_device_can_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
