/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What healerctl understands of its command line, and what it says about the rest.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-options.h"

#define WORDS_MAX 12

/* Splits at blanks; "healerctl" comes first. */
static int split(const char *line, char *buffer, char **argv) {
        int argc = 0;

        argv[argc++] = (char *) "healerctl";
        strcpy(buffer, line);
        for (char *word = strtok(buffer, " "); word; word = strtok(NULL, " "))
                argv[argc++] = word;
        argv[argc] = NULL;
        return argc;
}

static void test_good(void **state _unused_) {
        static const struct {
                const char *line;
                CtlVerbId verb;
                uint64_t options;
                const char *first, *second;
                uint64_t group, inode, generation;
        } cases[] = {
                { "",                              CTL_VERB_STATUS,       0, NULL, NULL, 0, 0, 0 },
                { "status",                        CTL_VERB_STATUS,       0, NULL, NULL, 0, 0, 0 },
                { "status /srv",                   CTL_VERB_STATUS,       0, "/srv", NULL, 0, 0, 0 },
                { "status /srv --json",            CTL_VERB_STATUS,       CTL_OPTION_JSON, "/srv", NULL, 0, 0, 0 },
                { "--json status /srv",            CTL_VERB_STATUS,       CTL_OPTION_JSON, "/srv", NULL, 0, 0, 0 },
                { "--no-leg status",               CTL_VERB_STATUS,       CTL_OPTION_NO_LEGEND, NULL, NULL, 0, 0, 0 },
                { "events --export --limit=9",     CTL_VERB_EVENTS,       CTL_OPTION_EXPORT | CTL_OPTION_LIMIT,
                  NULL, NULL, 0, 0, 0 },
                { "monitor --json",                CTL_VERB_MONITOR,      CTL_OPTION_JSON, NULL, NULL, 0, 0, 0 },
                { "repair /srv finobt --group=3",  CTL_VERB_REPAIR,       CTL_OPTION_GROUP, "/srv", "finobt", 3, 0, 0 },
                { "repair /srv finobt --group 0x10", CTL_VERB_REPAIR, CTL_OPTION_GROUP, "/srv", "finobt", 16, 0, 0 },
                { "repair --inode 133 --generation=7 /srv core", CTL_VERB_REPAIR,
                  CTL_OPTION_INODE | CTL_OPTION_GENERATION, "/srv", "core", 0, 133, 7 },
                { "repair /srv core --inode=18446744073709551615 --generation=0", CTL_VERB_REPAIR,
                  CTL_OPTION_INODE | CTL_OPTION_GENERATION, "/srv", "core", 0, UINT64_MAX, 0 },
                { "repair /srv super --domain ag --group 0", CTL_VERB_REPAIR, CTL_OPTION_DOMAIN | CTL_OPTION_GROUP,
                  "/srv", "super", 0, 0, 0 },
                { "scrub /srv --repair --no-wait", CTL_VERB_SCRUB,        CTL_OPTION_REPAIR | CTL_OPTION_NO_WAIT,
                  "/srv", NULL, 0, 0, 0 },
                { "scrub -- --odd",                CTL_VERB_SCRUB,        0, "--odd", NULL, 0, 0, 0 },
                { "verify /srv --all --rate=50M",  CTL_VERB_VERIFY,       CTL_OPTION_ALL | CTL_OPTION_RATE,
                  "/srv", NULL, 0, 0, 0 },
                { "users /srv --inode=133 --json", CTL_VERB_USERS,        CTL_OPTION_INODE | CTL_OPTION_JSON,
                  "/srv", NULL, 0, 133, 0 },
                { "acknowledge /srv io-error --all --reason=why", CTL_VERB_ACKNOWLEDGE,
                  CTL_OPTION_ALL | CTL_OPTION_REASON, "/srv", "io-error", 0, 0, 0 },
                { "acknowledge /srv data-lost target", CTL_VERB_ACKNOWLEDGE, 0, "/srv", "data-lost", 0, 0, 0 },
                { "pause --reason=why --for=2h",   CTL_VERB_PAUSE,        CTL_OPTION_REASON | CTL_OPTION_FOR,
                  NULL, NULL, 0, 0, 0 },
                { "resume /srv",                   CTL_VERB_RESUME,       0, "/srv", NULL, 0, 0, 0 },
                { "silence /srv --for=2h --reason=why --kind=sick --route=page", CTL_VERB_SILENCE,
                  CTL_OPTION_FOR | CTL_OPTION_REASON | CTL_OPTION_KIND | CTL_OPTION_ROUTE, "/srv", NULL, 0, 0, 0 },
                { "test-event /srv sick finobt --group=3", CTL_VERB_TEST_EVENT, CTL_OPTION_GROUP, "/srv", "sick", 3,
                  0, 0 },
                { "policy check",                  CTL_VERB_POLICY_CHECK, 0, NULL, NULL, 0, 0, 0 },
                { "policy check a.yaml --json",    CTL_VERB_POLICY_CHECK, CTL_OPTION_JSON, "a.yaml", NULL, 0, 0, 0 },
                { "policy explain sick --policy=p", CTL_VERB_POLICY_EXPLAIN, CTL_OPTION_POLICY, "sick", NULL, 0, 0, 0 },
                { "policy simulate --diff q s",    CTL_VERB_POLICY_SIMULATE, CTL_OPTION_DIFF, "s", NULL, 0, 0, 0 },
                { "policy show p.yaml",            CTL_VERB_POLICY_SHOW, 0, "p.yaml", NULL, 0, 0, 0 },
                { "policy schema",                 CTL_VERB_POLICY_SCHEMA, 0, NULL, NULL, 0, 0, 0 },
                { "reload --no-ask-password",      CTL_VERB_RELOAD,       CTL_OPTION_NO_ASK_PASSWORD,
                  NULL, NULL, 0, 0, 0 },
                { "takeover",                      CTL_VERB_TAKEOVER,     0, NULL, NULL, 0, 0, 0 },
                { "release --dry-run",             CTL_VERB_RELEASE,      CTL_OPTION_DRY_RUN, NULL, NULL, 0, 0, 0 },
                { "help",                          CTL_VERB_HELP,         0, NULL, NULL, 0, 0, 0 },
                { "-h",                            CTL_VERB_HELP,         CTL_OPTION_HELP, NULL, NULL, 0, 0, 0 },
                { "nonsense --help",               CTL_VERB_HELP,         CTL_OPTION_HELP, NULL, NULL, 0, 0, 0 },
                { "--version",                     CTL_VERB_VERSION,      CTL_OPTION_VERSION, NULL, NULL, 0, 0, 0 },
                { "-V",                            CTL_VERB_VERSION,      CTL_OPTION_VERSION, NULL, NULL, 0, 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char buffer[256], text[CTL_USAGE_TEXT_SIZE], *argv[WORDS_MAX];
                CtlRequest request;
                int argc = split(cases[i].line, buffer, argv);

                print_message("good: \"%s\"\n", cases[i].line);
                assert_int_equal(ctl_request_parse(argc, argv, &request, text), 0);
                assert_string_equal(text, "");
                assert_int_equal(request.verb->id, cases[i].verb);
                assert_int_equal(request.options, cases[i].options);
                assert_true(text_equal(request.arguments[0], cases[i].first));
                assert_true(text_equal(request.arguments[1], cases[i].second));
                assert_int_equal(request.group, cases[i].group);
                assert_true(request.inode == cases[i].inode);
                assert_int_equal(request.generation, cases[i].generation);
        }
}

static void test_bad(void **state _unused_) {
        static const struct {
                const char *line;
                const char *text;
        } cases[] = {
                { "statsu", "unknown command \"statsu\"; did you mean \"status\"?" },
                { "rlaod", "unknown command \"rlaod\"; did you mean \"reload\"?" },
                { "defragment", "unknown command \"defragment\"; \"healerctl --help\" lists them" },
                { "policy", "\"policy\" needs one more word, such as \"policy show\"" },
                { "policy chekc", "unknown command \"chekc\"; did you mean \"check\"?" },
                { "x\x1b[31m", "unknown command \"x\\x1b[31m\"; \"healerctl --help\" lists them" },
                { "--jsno", "unknown option \"--jsno\"; did you mean \"--json\"?" },
                { "scrub /srv --reapir", "unknown option \"--reapir\"; did you mean \"--repair\"?" },
                { "status --colour", "unknown option \"--colour\"; \"healerctl --help\" lists them" },
                { "status -x", "unknown option \"-x\"; \"healerctl --help\" lists them" },
                { "status --repair", "\"status\" does not take --repair" },
                { "policy check --host=far",
                  "\"policy check\" works on files, units or programs of this machine; run it there, without --host" },
                { "inhibit -M box true",
                  "\"inhibit\" works on files, units or programs of this machine; run it there, without --machine" },
                { "status -H far -M box", "--host and --machine exclude each other" },
                { "status -H", "--host needs a value" },
                { "cancel", "\"cancel\" needs JOB" },
                { "cancel 1 --full", "\"cancel\" does not take --full" },
                { "policy check --no-wait", "\"policy check\" does not take --no-wait" },
                { "status /a /b", "one argument too many: \"/b\"" },
                { "takeover /srv", "one argument too many: \"/srv\"" },
                { "resume --dry-run", "\"resume\" does not take --dry-run" },
                { "reload --dry-run", "\"reload\" does not take --dry-run" },
                { "monitor now", "one argument too many: \"now\"" },
                { "repair /srv", "\"repair\" needs FS STRUCTURE" },
                { "scrub", "\"scrub\" needs FS" },
                { "verify /srv --rate=much", "--rate needs a number of bytes such as 50M, not \"much\"" },
                { "verify /srv --rate=0", "--rate needs a number of bytes such as 50M, not \"0\"" },
                { "scrub /srv --all", "\"scrub\" does not take --all" },
                { "repair /srv finobt --group", "--group needs a value" },
                { "status --json=yes", "--json takes no value" },
                { "repair /srv finobt --group=minus", "--group needs a number from 0 to 4294967295, not \"minus\"" },
                { "repair /srv finobt --group=4294967296",
                  "--group needs a number from 0 to 4294967295, not \"4294967296\"" },
                { "repair /srv core --inode=-1", "--inode needs a number from 0 to 18446744073709551615, not \"-1\"" },
                { "acknowledge /srv", "\"acknowledge\" needs FS CODE [TARGET]" },
                { "acknowledge /srv rule a b", "one argument too many: \"b\"" },
                { "users", "\"users\" needs FS" },
                { "users /srv --generation=1", "\"users\" does not take --generation" },
                { "repair /srv core --generation=1",
                  "--inode and --generation belong together; events show both: \"ino 133 gen 0x5\"" },
                { "repair /srv core --inode=1",
                  "--inode and --generation belong together; events show both: \"ino 133 gen 0x5\"" },
                { "repair /srv core --inode=1 --generation=1 --group=1", "--group and --inode exclude each other" },
                { "events --export --json", "--export and --json exclude each other" },
                { "monitor --export", "\"monitor\" does not take --export" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char buffer[256], text[CTL_USAGE_TEXT_SIZE], *argv[WORDS_MAX];
                CtlRequest request;
                int argc = split(cases[i].line, buffer, argv);

                print_message("bad: \"%s\"\n", cases[i].line);
                assert_int_equal(ctl_request_parse(argc, argv, &request, text), -EINVAL);
                assert_string_equal(text, cases[i].text);
        }
}

static void test_long_words(void **state _unused_) {
        char word[4096], text[CTL_USAGE_TEXT_SIZE], *argv[] = { (char *) "healerctl", word, NULL };
        CtlRequest request;

        memset(word, '\x01', sizeof(word) - 1);
        word[sizeof(word) - 1] = '\0';
        assert_int_equal(ctl_request_parse(2, argv, &request, text), -EINVAL);
        assert_true(text_ends_with(text, "lists them"));
}

static void test_tables(void **state _unused_) {
        size_t n_verbs, n_options;
        const CtlVerb *verbs = ctl_verbs(&n_verbs);
        const CtlOption *options = ctl_options(&n_options);

        for (size_t i = 0; i < n_verbs; i++) {
                print_message("verb %s\n", verbs[i].words[0]);
                /* A command is no list of arguments. */
                assert_true(verbs[i].id == CTL_VERB_INHIBIT ||
                            verbs[i].n_max <= (int) ELEMENTSOF(((CtlRequest *) NULL)->arguments));
                assert_true(!verbs[i].arguments == !verbs[i].help);
        }
        for (size_t i = 0; i < n_options; i++)
                for (size_t j = 0; j < i; j++) {
                        assert_string_not_equal(options[i].name, options[j].name);
                        assert_int_not_equal(options[i].id, options[j].id);
                }
}

static void parse(CtlRequest *request, int expected, char **words, int n) {
        char text[CTL_USAGE_TEXT_SIZE];

        assert_int_equal(ctl_request_parse(n, words, request, text), expected);
        if (expected < 0)
                assert_true(text[0] != 0);
}
#define parse_words(request, expected, ...)                                                             \
        do {                                                                                            \
                char *_words[] = { (char *) "healerctl", __VA_ARGS__, NULL };                           \
                parse(request, expected, _words, (int) ELEMENTSOF(_words) - 1);                         \
        } while (false)
#define W(word) ((char *) (word))

static void test_workloads(void **state _unused_) {
        CtlRequest request;

        parse_words(&request, 0, W("fail-workloads"), W("--only-unit=a.service"), W("/srv"), W("--only-unit"),
                    W("b*"), W("--who=fs-users"), W("--warn=5s"), W("--term"), W("1min"), W("--hold=until-clear"),
                    W("--max=5"), W("--confirm-large"), W("--how=fail"), W("--dry-run"));
        assert_int_equal(request.verb->id, CTL_VERB_FAIL_WORKLOADS);
        assert_string_equal(request.arguments[0], "/srv");
        assert_int_equal(request.n_only[WORKLOAD_KEY_UNIT], 2);
        assert_string_equal(request.only[WORKLOAD_KEY_UNIT][1], "b*");
        assert_int_equal(request.warn_usec, 5 * USEC_PER_SEC);
        assert_int_equal(request.term_usec, USEC_PER_MINUTE);
        assert_true(request.hold_usec == UINT64_MAX);
        assert_int_equal(request.max, 5);
        assert_true(request.options & CTL_OPTION_DRY_RUN);

        parse_words(&request, -EINVAL, W("fail-workloads"), W("/srv"), W("--term=soon"));
        parse_words(&request, -EINVAL, W("fail-workloads"), W("/srv"), W("--max=65"));
        parse_words(&request, -EINVAL, W("fail-workloads"), W("/srv"), W("--thaw=1s"));
        parse_words(&request, -EINVAL, W("freeze-workloads"), W("/srv"), W("--hold=1s"));
        parse_words(&request, -EINVAL, W("fail-workloads"));
}

static void test_command(void **state _unused_) {
        CtlRequest request;

        /* The command's words stay the caller's. */
        char *words[] = {
                W("healerctl"), W("inhibit"), W("--who=me"), W("--"), W("cp"), W("-a"), W("x"), W("y"), NULL,
        };

        parse(&request, 0, words, (int) ELEMENTSOF(words) - 1);
        assert_int_equal(request.verb->id, CTL_VERB_INHIBIT);
        assert_string_equal(request.who, "me");
        assert_string_equal(request.command[0], "cp");
        assert_string_equal(request.command[1], "-a");
        assert_string_equal(request.command[3], "y");
        assert_null(request.command[4]);
        parse_words(&request, -EINVAL, W("inhibit"), W("--who=me"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_long_words),
                cmocka_unit_test(test_tables),
                cmocka_unit_test(test_workloads),
                cmocka_unit_test(test_command),
        };

        return cmocka_run_group_tests_name("ctl-options", tests, NULL, NULL);
}
