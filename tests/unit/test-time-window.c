/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Windows: what can be written, when they are open, and when next, by hand and against a look at every minute around
 * the moments at which clocks are set. Needs the zone files of tzdata.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/time-window.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

static void add(TimeWindow *window, const char *text) {
        TimeFault fault = {};

        if (time_window_add(window, text, &fault) < 0)
                fail_msg("\"%s\": %s", text, fault.text);
}

static Zone *zone_named(const char *name) {
        Zone *zone = NULL;

        assert_int_equal(zone_new_named(name, &zone), 0);
        return zone;
}

/* "2026-03-29 03:00"; the first of two. */
static uint64_t moment_of(const Zone *zone, const char *text) {
        WallTime wall = {};
        int64_t moment = 0;

        assert_int_equal(sscanf(text, "%d-%d-%d %d:%d", &wall.year, &wall.month, &wall.day, &wall.hour,
                                &wall.minute), 5);
        assert_int_equal(zone_find_moment(zone, &wall, &moment), 0);
        return (uint64_t) moment * USEC_PER_SEC;
}

static void test_written(_unused_ void **state) {
        static const struct {
                const char *text, *canonical;
        } cases[] = {
                { "Sat..Sun 00:00..24:00",      "Sat,Sun 00:00..24:00" },
                { "Mon..Fri 22:00..06:00",      "Mon..Fri 22:00..06:00" },
                { "Mon..Sun 8:00..9:30",        "08:00..09:30" },
                { "22:00..06:00",               "22:00..06:00" },
                { "Mon,Wed",                    "Mon,Wed 00:00..24:00" },
                { "Wed,Mon,Wed 23:59..00:00",   "Mon,Wed 23:59..00:00" },
                { "Fri..Mon 10:00..11:00",      "Mon,Fri..Sun 10:00..11:00" },
                { "Sun..Sat",                   "00:00..24:00" },
                { "Sun..Fri",                   "Mon..Fri,Sun 00:00..24:00" },
                { "Tue",                        "Tue 00:00..24:00" },
                { "Tue..Tue 00:00..00:01",      "Tue 00:00..00:01" },
                { "  Thu   1:00..2:00  ",       "Thu 01:00..02:00" },
                { "Mon,Wed..Fri,Sun 1:00..2:00", "Mon,Wed..Fri,Sun 01:00..02:00" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[WINDOW_RANGE_TEXT_SIZE];
                TimeWindow window = {};

                print_message("\"%s\"\n", cases[i].text);
                add(&window, cases[i].text);
                assert_int_equal(window.n_ranges, 1);
                assert_string_equal(window_range_text(&window.ranges[0], text), cases[i].canonical);
                /* And what is shown can be read again. */
                add(&window, text);
                assert_int_equal(window.ranges[0].days, window.ranges[1].days);
                assert_int_equal(window.ranges[0].from, window.ranges[1].from);
                assert_int_equal(window.ranges[0].to, window.ranges[1].to);
        }
}

static void test_faults(_unused_ void **state) {
        static const struct {
                const char *text;
                size_t offset;
                const char *fault;
        } cases[] = {
                { "",                   0,  "a day is missing" },
                { "   ",                3,  "a day is missing" },
                { "Monday",             0,  "unknown day \"Monday\": write \"Mon\"" },
                { "sat,sun",            0,  "unknown day \"sat\": write \"Sat\"" },
                { "Mon..Fry 1:00..2:00", 5, "unknown day \"Fry\": write \"Fri\"" },
                { "daily",              0,  "unknown day \"daily\": write Mon, Tue, Wed, Thu, Fri, Sat or Sun" },
                { "Mon-Fri",            3,  "days are joined by two dots or a comma, not by \"-\": write \"Mon..\"" },
                { "Mon, Fri",           4,  "a day is missing" },
                { "Mon...Fri",          5,  "a day is missing" },
                { "Mon;Fri",            0,  "unknown day \"Mon;Fri\": write \"Mon\"" },
                { "1:00",               4,  "\"1:00\" alone is a moment: write until when, such as \"1:00..06:00\"" },
                { "1:00-2:00",          4,  "times are joined by two dots, not by \"-\": write \"1:00..\"" },
                { "1:00..",             6,  "\"\" is no time of day: write the end in hours and minutes" },
                { "1..2",               0,  "\"1\" is no time of day: write the beginning in hours and minutes" },
                { "Mon 1:0..2:00",      4,  "\"1:0\" is no time of day" },
                { "Mon 100:00..2:00",   4,  "\"100:00\" is no time of day" },
                { "1:00:00..2:00",      0,  "\"1:00:00\" is no time of day: write the beginning in hours and minutes" },
                { "1:00..2:00pm",       6,  "\"2:00pm\" is no time of day" },
                { "1:00..24:01",        6,  "\"24:01\" is no time of day: write one from 00:00 to 24:00" },
                { "1:00..99:00",        6,  "\"99:00\" is no time of day: write one from 00:00 to 24:00" },
                { "1:60..2:00",         0,  "\"1:60\" is no time of day: write one from 00:00 to 24:00" },
                { "24:00..06:00",       0,  "no day begins at 24:00: write \"00:00\" of the day after" },
                { "06:00..06:00",       0,  "it begins and ends at the same time: write \"00:00..24:00\"" },
                { "1:00..2:00 Mon",     11, "\"Mon\" stands behind the end" },
                { "1:00..2:00..3:00",   10, "\"..3:00\" stands behind the end" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                TimeFault fault = {};
                TimeWindow window = {};

                print_message("\"%s\"\n", cases[i].text);
                assert_int_equal(time_window_add(&window, cases[i].text, &fault), -EINVAL);
                if (!text_starts_with(fault.text, cases[i].fault))
                        fail_msg("%s", fault.text);
                assert_int_equal(fault.offset, cases[i].offset);
                assert_int_equal(window.n_ranges, 0);
        }
}

static void test_too_many(_unused_ void **state) {
        TimeWindow window = {};
        TimeFault fault;

        for (unsigned i = 0; i < WINDOW_RANGES_MAX; i++)
                add(&window, "1:00..2:00");
        assert_int_equal(time_window_add(&window, "1:00..2:00", &fault), -E2BIG);
}

static void test_open(_unused_ void **state) {
        static const struct {
                const char *window;
                unsigned day, hour, minute;
                bool is_open;
        } cases[] = {
                { "Sat..Sun 00:00..24:00", 4, 23, 59, false },
                { "Sat..Sun 00:00..24:00", 5, 0,  0,  true },
                { "Sat..Sun 00:00..24:00", 6, 23, 59, true },
                { "Sat..Sun 00:00..24:00", 0, 0,  0,  false },
                { "Mon..Fri 22:00..06:00", 0, 21, 59, false },
                { "Mon..Fri 22:00..06:00", 0, 22, 0,  true },
                { "Mon..Fri 22:00..06:00", 1, 5,  59, true },
                { "Mon..Fri 22:00..06:00", 1, 6,  0,  false },
                { "Mon..Fri 22:00..06:00", 5, 5,  59, true },
                { "Mon..Fri 22:00..06:00", 5, 22, 0,  false },
                { "Mon..Fri 22:00..06:00", 0, 0,  0,  false },
                { "Sun 22:00..06:00",      0, 0,  0,  true },
                { "Mon 22:00..00:00",      0, 23, 59, true },
                { "Mon 22:00..00:00",      1, 0,  0,  false },
                { "22:00..06:00",          3, 3,  0,  true },
                { "22:00..06:00",          3, 12, 0,  false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                TimeWindow window = {};
                unsigned minute = (cases[i].day * 24 + cases[i].hour) * 60 + cases[i].minute;
                char text[WEEK_MINUTE_TEXT_SIZE];

                print_message("%s on %s\n", cases[i].window, week_minute_text(minute, text));
                add(&window, cases[i].window);
                assert_int_equal(time_window_has(&window, minute), cases[i].is_open);
        }
}

static void test_next(_unused_ void **state) {
        static const struct {
                const char *name, *zone, *window, *now;
                bool is_open;
                const char *next;       /* NULL: never */
                unsigned later_minutes; /* than the first moment at which the clock shows that */
        } cases[] = {
                { "this evening", "Europe/Berlin", "Mon..Fri 22:00..06:00",
                  "2026-11-23 12:00", true, "2026-11-23 22:00", 0 },
                { "already", "Europe/Berlin", "Mon..Fri 22:00..06:00",
                  "2026-11-23 23:17", true, "2026-11-23 23:17", 0 },
                { "until the morning", "Europe/Berlin", "Mon..Fri 22:00..06:00",
                  "2026-11-23 23:17", false, "2026-11-24 06:00", 0 },
                { "over the weekend", "Europe/Berlin", "Mon..Fri 22:00..06:00",
                  "2026-11-28 06:00", true, "2026-11-30 22:00", 0 },
                { "a week later", "Europe/Berlin", "Mon 10:00..11:00",
                  "2026-11-23 11:00", true, "2026-11-30 10:00", 0 },
                { "two days are one", "Europe/Berlin", "Sat..Sun", "2026-11-28 00:00", false, "2026-11-30 00:00", 0 },
                { "never closed", "Europe/Berlin", "00:00..24:00", "2026-11-28 00:00", false, NULL, 0 },
                /* Summer time begins: 02:00 to 03:00 is left out. */
                { "opens when the clock is set over its beginning", "Europe/Berlin", "02:30..04:00",
                  "2026-03-29 01:00", true,
                  "2026-03-29 03:00", 0 },
                { "closes when the clock is set over its end", "Europe/Berlin", "01:00..02:30",
                  "2026-03-29 01:00", false,
                  "2026-03-29 03:00", 0 },
                { "not at all on that day", "Europe/Berlin", "02:15..02:45",
                  "2026-03-29 01:00", true, "2026-03-30 02:15", 0 },
                { "not in that week", "Europe/Berlin", "Sun 02:15..02:45",
                  "2026-03-29 01:00", true, "2026-04-05 02:15", 0 },
                { "a short night", "America/New_York", "22:00..06:00",
                  "2026-03-07 23:00", false, "2026-03-08 06:00", 0 },
                { "not at all in New York", "America/New_York", "Sun 02:00..03:00",
                  "2026-03-08 00:00", true, "2026-03-15 02:00", 0 },
                { "not at all in Sydney", "Australia/Sydney", "Sun 02:00..03:00",
                  "2026-10-04 00:00", true, "2026-10-11 02:00", 0 },
                { "half an hour", "Australia/Lord_Howe", "02:00..02:45",
                  "2026-10-04 01:00", true, "2026-10-04 02:30", 0 },
                { "a day that begins at one", "America/Santiago", "Sun 00:00..02:00",
                  "2026-09-05 12:00", true, "2026-09-06 01:00", 0 },
                { "midnight that is left out closes", "America/Santiago", "Sat",
                  "2026-09-05 12:00", false, "2026-09-06 01:00", 0 },
                /* Summer time ends: 02:00 to 03:00 comes twice. */
                { "the first of two", "Europe/Berlin", "02:15..02:45",
                  "2026-10-25 01:00", true, "2026-10-25 02:15", 0 },
                { "the end of the first", "Europe/Berlin", "02:15..02:45",
                  "2026-10-25 02:15", false, "2026-10-25 02:45", 0 },
                { "the second", "Europe/Berlin", "02:15..02:45", "2026-10-25 02:45", true, "2026-10-25 02:15", 60 },
                { "open over both", "Europe/Berlin", "01:00..04:00", "2026-10-25 01:30", false, "2026-10-25 04:00", 0 },
                { "set back out of it", "Europe/Berlin", "02:30..05:00",
                  "2026-10-25 02:30", false, "2026-10-25 02:00", 60 },
                { "and into it again", "America/New_York", "01:30..05:00",
                  "2026-11-01 01:59", false, "2026-11-01 01:00", 60 },
                { "the second in New York", "America/New_York", "01:10..01:20",
                  "2026-11-01 01:20", true, "2026-11-01 01:10", 60 },
                { "the second in Sydney", "Australia/Sydney", "02:10..02:20",
                  "2026-04-05 02:20", true, "2026-04-05 02:10", 60 },
                { "UTC", "UTC", "02:15..02:45", "2026-03-29 01:00", true, "2026-03-29 02:15", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(zone_free_at) Zone *zone = zone_named(cases[i].zone);
                uint64_t now = moment_of(zone, cases[i].now), expected = USEC_INFINITY;
                TimeWindow window = {};

                print_message("%s\n", cases[i].name);
                add(&window, cases[i].window);
                if (cases[i].next)
                        expected = moment_of(zone, cases[i].next) + cases[i].later_minutes * USEC_PER_MINUTE;
                assert_int_equal(time_window_next(&window, zone, now, cases[i].is_open), expected);
        }
}

/* What is not on a full second stays as it is, and what is waited for begins on one. */
static void test_fractions(_unused_ void **state) {
        TimeWindow window = {};
        uint64_t now = moment_of(NULL, "2026-11-23 21:59") + 59 * USEC_PER_SEC + 999999;

        add(&window, "22:00..06:00");
        assert_false(time_window_is_open(&window, NULL, now));
        assert_int_equal(time_window_next(&window, NULL, now, false), now);
        assert_int_equal(time_window_next(&window, NULL, now, true), now + 1);
        assert_true(time_window_is_open(&window, NULL, now + 1));
}

/* Minute by minute. */
static uint64_t next_by_looking(const TimeWindow *window, const Zone *zone, uint64_t now, bool is_open) {
        for (unsigned i = 0; i < 16 * 24 * 60; i++, now += USEC_PER_MINUTE)
                if (time_window_is_open(window, zone, now) == is_open)
                        return now;

        return USEC_INFINITY;
}

static void check_against_looking(const Zone *zone, const TimeWindow *window, uint64_t around) {
        for (unsigned i = 0; i < 40; i++) {
                uint64_t now = around + i * 37 * USEC_PER_MINUTE;

                for (unsigned is_open = 0; is_open < 2; is_open++)
                        assert_int_equal(time_window_next(window, zone, now, is_open),
                                         next_by_looking(window, zone, now, is_open));
        }
}

static void test_against_looking(_unused_ void **state) {
        static const struct {
                const char *zone, *around;
        } moments[] = {
                { "Europe/Berlin",        "2026-03-28 18:00" },
                { "Europe/Berlin",        "2026-10-24 18:00" },
                { "America/New_York",     "2026-03-07 18:00" },
                { "America/New_York",     "2026-10-31 18:00" },
                { "Australia/Lord_Howe",  "2026-04-04 18:00" },
                { "Australia/Lord_Howe",  "2026-10-03 18:00" },
                { "America/Santiago",     "2026-04-04 12:00" },
                { "America/Santiago",     "2026-09-05 12:00" },
                { "Pacific/Apia",         "2011-12-29 12:00" },
                { "Africa/Casablanca",    "2026-02-14 18:00" },
        };
        static const char *const windows[] = {
                "02:15..02:45", "Sun 01:00..02:00", "22:00..06:00", "Sat..Sun", "02:00..03:00", "Fri 23:30..00:30",
        };

        for (size_t i = 0; i < ELEMENTSOF(moments); i++) {
                _cleanup_(zone_free_at) Zone *zone = zone_named(moments[i].zone);

                for (size_t k = 0; k < ELEMENTSOF(windows); k++) {
                        TimeWindow window = {};

                        print_message("%s in %s at %s\n", windows[k], moments[i].zone, moments[i].around);
                        add(&window, windows[k]);
                        check_against_looking(zone, &window, moment_of(zone, moments[i].around));
                }
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_written),
                cmocka_unit_test(test_faults),
                cmocka_unit_test(test_too_many),
                cmocka_unit_test(test_open),
                cmocka_unit_test(test_next),
                cmocka_unit_test(test_fractions),
                cmocka_unit_test(test_against_looking),
        };

        if (access(ZONE_FOLDER "/Europe/Berlin", F_OK) < 0) {
                puts("SKIP: no zone files: tzdata is not installed");
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
