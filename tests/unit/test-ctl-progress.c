/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line about a job that somebody waits for: what it says, and what it leaves out where there is no room.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/basic/macro.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-progress.h"
#include "src/ctl/ctl-value.h"

#define NOW_USEC (UINT64_C(1795179363) * USEC_PER_SEC)
#define VERIFY(done, end)                                                                               \
        "{\"state\": \"running\", \"phase\": 0, \"progress\": 0, \"bytes_done\": " done                    \
        ", \"bytes_total\": 1048576000, \"estimated_end\": " end "}"

static void test_text(void **state _unused_) {
        static const struct {
                const char *job;
                uint64_t bytes_per_sec;
                unsigned width;
                const char *text;
        } cases[] = {
                { "{}", 0, 40, "/srv  waits for its turn" },
                { "{\"state\": \"waiting\"}", 0, 40, "/srv  waits for its turn" },
                { "{\"state\": \"running\"}", 0, 40, "/srv  running" },
                { "{\"state\": \"running\", \"started\": 1795179300000000}", 0, 40, "/srv  running for 1min 3s" },
                { "{\"state\": \"running\", \"started\": 1795179300000000}", 0, 13, "/srv  running" },
                { VERIFY("0", "0"), 0, 44, "/srv  [--------------]  0 %  0 B of 1000 MiB" },
                { VERIFY("471859200", "1795179453000000"), 3 << 20, 79,
                  "/srv  [########----------]  45 %  1min 30s left  3.0 MiB/s  450 MiB of 1000 MiB" },
                { VERIFY("471859200", "1795179453000000"), 3 << 20, 44, "/srv  45 %  1min 30s left  3.0 MiB/s" },
                { VERIFY("471859200", "1795179453000000"), 3 << 20, 12, "/srv  45 %" },
                { VERIFY("471859200", "1795179453000000"), 3 << 20, 6, "  45 %" },
                { VERIFY("471859200", "1795179453000000"), 3 << 20, 0,
                  "/srv: 45 %  1min 30s left  3.0 MiB/s  450 MiB of 1000 MiB" },
                /* In the past: it is late, and nobody knows by how much. */
                { VERIFY("471859200", "1795179000000000"), 0, 34, "/srv  45 %  450 MiB of 1000 MiB" },
                /* Hours to the minute. */
                { VERIFY("1048576000", "1795186569500000"), 0, 0, "/srv: 100 %  2h left  1000 MiB of 1000 MiB" },
                { "{\"phase\": 3, \"progress\": 45, \"estimated_end\": 1795179373000000}", 0, 60,
                  "/srv  [#########------------]  phase 3, 45 %  10s left of it" },
                { "{\"state\": \"running\", \"phase\": 5, \"progress\": 700}", 0, 0, "/srv: phase 5, 100 %" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_decref_at) json_t *job = json_loads(cases[i].job, 0, NULL);
                char text[CTL_PROGRESS_SIZE];

                print_message("%s in %u\n", cases[i].job, cases[i].width);
                assert_non_null(job);
                (void) ctl_progress_text("/srv", job, cases[i].bytes_per_sec, NOW_USEC, cases[i].width, text);
                if (cases[i].width > 0)
                        assert_true(ctl_text_width(text) <= cases[i].width);
                assert_string_equal(text, cases[i].text);
        }
}

static void test_bytes(void **state _unused_) {
        static const struct {
                uint64_t bytes;
                const char *text;
        } cases[] = {
                { 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.0 KiB" }, { 1536, "1.5 KiB" }, { 150 << 20, "150 MiB" },
                { UINT64_MAX, "16.0 EiB" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[CTL_BYTES_SIZE];

                assert_string_equal(ctl_bytes_text(cases[i].bytes, text), cases[i].text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
