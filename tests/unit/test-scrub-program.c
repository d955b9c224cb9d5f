/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program run without systemd: what it is given, how far it is, how it ended, how it is stopped. A script plays it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/worker/scrub-program.h"

typedef struct Setup {
        char folder[64], script[96], output[96];
        unsigned n_started, n_told;
        ScanProgress last;
        bool stops;
} Setup;

static int setup(void **state) {
        Setup *s = calloc(1, sizeof(*s));

        assert_non_null(s);
        (void) snprintf(s->folder, sizeof(s->folder), "/tmp/test-scrub.XXXXXX");
        assert_non_null(mkdtemp(s->folder));
        (void) snprintf(s->script, sizeof(s->script), "%s/xfs_scrub", s->folder);
        (void) snprintf(s->output, sizeof(s->output), "%s/output", s->folder);
        *state = s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        (void) unlink(s->script);
        (void) unlink(s->output);
        (void) rmdir(s->folder);
        free(s);
        return 0;
}

static void on_started(void *userdata) {
        ((Setup *) userdata)->n_started++;
}

static void on_progress(const ScanProgress *progress, void *userdata) {
        Setup *s = userdata;

        s->n_told++;
        s->last = *progress;
        if (s->stops)
                (void) kill(getpid(), SIGTERM);
}

static UnitRun run_script(Setup *s, const char *body, bool may_repair, bool is_confined) {
        const ScrubProgram program = {
                .path = s->script,
                .mount_point = "/srv/a b$c",
                .may_repair = may_repair,
                .is_confined = is_confined,
                .started = on_started,
                .progress = on_progress,
                .userdata = s,
        };
        char text[1024];
        UnitRun run;

        (void) snprintf(text, sizeof(text), "#!/bin/sh\nfd=$2; out=%s\n%s\n", s->output, body);
        assert_int_equal(file_write_atomic(s->script, text, strlen(text), 0700), 0);
        assert_int_equal(scrub_program_run(&program, &run), 0);
        assert_int_equal(s->n_started, 1);
        assert_true(run.is_done);
        return run;
}

static void require_output(const Setup *s, const char *wanted) {
        char text[256] = "";
        FILE *file = fopen(s->output, "r");

        assert_non_null(file);
        (void) !fread(text, 1, sizeof(text) - 1, file);
        (void) fclose(file);
        assert_string_equal(text, wanted);
}

static void test_check(void **state) {
        Setup *s = *state;
        UnitRun run = run_script(s, "shift 2; for word; do echo \"[$word]\"; done >$out\n"
                                    "{ echo 2 5 10 /srv; echo 2 5 10 /srv; printf '\\033[K3 10 10 /srv\\n'; } >&$fd\n",
                                 false, false);

        assert_string_equal(run.unit_result, "success");
        assert_int_equal(run.exit_status, 0);
        assert_false(run.was_stopped);
        require_output(s, "[-n]\n[-b]\n[/srv/a b$c]\n");
        assert_int_equal(s->n_told, 2);
        assert_int_equal(s->last.phase, 3);
        assert_int_equal(s->last.percent, 100);
}

static void test_repair(void **state) {
        Setup *s = *state;
        UnitRun run = run_script(s, "shift 2; echo \"$*\" >$out; exit 5", true, false);

        assert_string_equal(run.unit_result, "exit-code");
        assert_int_equal(run.exit_status, 5);
        require_output(s, "-b /srv/a b$c\n");
        assert_int_equal(s->n_told, 0);
}

static void test_signal(void **state) {
        UnitRun run = run_script(*state, "kill -KILL $$", false, false);

        assert_string_equal(run.unit_result, "signal");
        assert_int_equal(run.exit_status, SIGKILL);
}

static void test_stopped(void **state) {
        Setup *s = *state;
        UnitRun run;

        s->stops = true;
        run = run_script(s, "echo 1 1 2 / >&$fd; exec sleep 600", false, false);
        assert_true(run.was_stopped);
        assert_string_equal(run.unit_result, "signal");
        assert_int_equal(run.exit_status, SIGTERM);
}

/* Nothing but what it needs is left to it, and nothing can come back. */
static void test_confined(void **state) {
        Setup *s = *state;
        unsigned long long effective = ~0ULL, bounding = ~0ULL;
        unsigned no_new_privileges = 0;
        char line[256];
        FILE *file;
        UnitRun run = run_script(s, "cp /proc/self/status $out", false, true);

        assert_int_equal(run.exit_status, 0);
        file = fopen(s->output, "r");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file)) {
                (void) sscanf(line, "CapEff: %llx", &effective);
                (void) sscanf(line, "CapBnd: %llx", &bounding);
                (void) sscanf(line, "NoNewPrivs: %u", &no_new_privileges);
        }
        (void) fclose(file);
        /* SYS_ADMIN, FOWNER, DAC_OVERRIDE, DAC_READ_SEARCH, SYS_RAWIO */
        assert_int_equal(effective & ~0x22000eULL, 0);
        if (getuid() == 0)
                assert_int_equal(bounding & ~0x22000eULL, 0);
        assert_int_equal(no_new_privileges, 1);
}

static void test_not_there(_unused_ void **state) {
        const ScrubProgram program = { .path = "/nonexistent/xfs_scrub", .mount_point = "/srv" };
        UnitRun run;

        assert_int_equal(scrub_program_run(&program, &run), 0);
        assert_string_equal(run.unit_result, "exit-code");
        assert_int_equal(run.exit_status, 203);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_check, setup, teardown),
                cmocka_unit_test_setup_teardown(test_repair, setup, teardown),
                cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
                cmocka_unit_test_setup_teardown(test_confined, setup, teardown),
                cmocka_unit_test(test_not_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
