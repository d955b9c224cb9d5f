/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calendar expressions: what can be written, and what comes next, also where clocks are set. Needs the zone files of
 * tzdata.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/calendar.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

static Zone *zone_named(const char *name) {
        Zone *zone = NULL;

        assert_int_equal(zone_new_named(name, &zone), 0);
        return zone;
}

/* "2026-03-29 03:00:00"; the first of two. */
static uint64_t moment_of(const Zone *zone, const char *text) {
        WallTime wall = {};
        int64_t moment = 0;

        assert_int_equal(sscanf(text, "%d-%d-%d %d:%d:%d", &wall.year, &wall.month, &wall.day, &wall.hour,
                                &wall.minute, &wall.second), 6);
        assert_int_equal(zone_find_moment(zone, &wall, &moment), 0);
        return (uint64_t) moment * USEC_PER_SEC;
}

static void test_next(_unused_ void **state) {
        static const struct {
                const char *text, *from, *next;
        } cases[] = {
                { "Sun *-*-1..7 03:00",     "2026-11-28 09:00:00", "Sun 2026-12-06 03:00:00" },
                { "Sun *-*-1..7 03:00",     "2026-12-06 02:59:59", "Sun 2026-12-06 03:00:00" },
                { "Sun *-*-1..7 03:00",     "2026-12-06 03:00:00", "Sun 2027-01-03 03:00:00" },
                { "03:00",                  "2026-11-28 09:00:00", "Sun 2026-11-29 03:00:00" },
                { "*-*-* 03:00:30",         "2026-11-28 03:00:29", "Sat 2026-11-28 03:00:30" },
                { "Mon",                    "2026-11-28 09:00:00", "Mon 2026-11-30 00:00:00" },
                { "Mon,Thu 4:05",           "2026-11-30 04:05:00", "Thu 2026-12-03 04:05:00" },
                { "Fri..Mon 12:00",         "2026-11-24 00:00:00", "Fri 2026-11-27 12:00:00" },
                { "*-02-29 00:00",          "2026-11-28 00:00:00", "Tue 2028-02-29 00:00:00" },
                { "Mon *-02-29",            "2028-03-01 00:00:00", "Mon 2044-02-29 00:00:00" },
                { "*-*~1 23:00",            "2026-02-01 00:00:00", "Sat 2026-02-28 23:00:00" },
                { "*-*~1..7",               "2026-11-28 00:00:00", "Sun 2026-11-29 00:00:00" },
                { "Mon *-5~7/1",            "2026-01-01 00:00:00", "Mon 2026-05-04 00:00:00" },
                { "*-1,4,7,10-15 0:30",     "2026-11-28 00:00:00", "Fri 2027-01-15 00:30:00" },
                { "2027..2029/2-01-01",     "2027-06-01 00:00:00", "Mon 2029-01-01 00:00:00" },
                { "2026-11-28 9:00",        "2026-11-28 09:00:00", "never" },
                { "*:0/15",                 "2026-11-28 09:16:00", "Sat 2026-11-28 09:30:00" },
                { "*:0/15",                 "2026-11-28 23:50:00", "Sun 2026-11-29 00:00:00" },
                { "8..17/3:30",             "2026-11-28 11:30:00", "Sat 2026-11-28 14:30:00" },
                { "*-*-31 00:00",           "2026-11-28 00:00:00", "Thu 2026-12-31 00:00:00" },
                { "12-24 18:00",            "2026-11-28 00:00:00", "Thu 2026-12-24 18:00:00" },
                { "*:*:*",                  "2026-11-28 23:59:59", "Sun 2026-11-29 00:00:00" },
                { "minutely",               "2026-11-28 09:00:00", "Sat 2026-11-28 09:01:00" },
                { "hourly",                 "2026-11-28 09:00:00", "Sat 2026-11-28 10:00:00" },
                { "daily",                  "2026-11-28 09:00:00", "Sun 2026-11-29 00:00:00" },
                { "weekly",                 "2026-11-28 09:00:00", "Mon 2026-11-30 00:00:00" },
                { "monthly",                "2026-11-28 09:00:00", "Tue 2026-12-01 00:00:00" },
                { "quarterly",              "2026-11-28 09:00:00", "Fri 2027-01-01 00:00:00" },
                { "semiannually",           "2026-02-28 09:00:00", "Wed 2026-07-01 00:00:00" },
                { "yearly",                 "2026-11-28 09:00:00", "Fri 2027-01-01 00:00:00" },
                { "annually",               "2027-11-28 09:00:00", "Sat 2028-01-01 00:00:00" },
                { " Sat   *-*-*   01:00  ", "2026-11-28 09:00:00", "Sat 2026-12-05 01:00:00" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CalendarMoments moments = {};
                char text[CALENDAR_MOMENT_TEXT_SIZE];
                TimeFault fault = {};

                print_message("%s after %s\n", cases[i].text, cases[i].from);
                if (calendar_add(&moments, cases[i].text, &fault) < 0)
                        fail_msg("%s", fault.text);
                calendar_moment_text(NULL, calendar_next(&moments, NULL, moment_of(NULL, cases[i].from)), text);
                assert_string_equal(text, cases[i].next);
        }
}

/* 29 March 2026: 02:00 is 03:00. 25 October 2026: 03:00 is 02:00 again. */
static void test_clock_set(_unused_ void **state) {
        static const struct {
                const char *text, *from;
                int64_t later_sec;      /* than the first moment at which the clock shows @from */
                const char *next;
                int64_t wait_sec;
        } cases[] = {
                /* Left out: when the clock has been set. */
                { "02:30",   "2026-03-29 01:00:00", 0,    "Sun 2026-03-29 03:00:00", 3600 },
                { "Sun *-*-29 02:00", "2026-03-29 01:59:00", 0, "Sun 2026-03-29 03:00:00", 60 },
                { "02:30",   "2026-03-29 03:00:00", 0,    "Mon 2026-03-30 02:30:00", 23 * 3600 + 1800 },
                { "*:0/10",  "2026-03-29 01:55:00", 0,    "Sun 2026-03-29 03:00:00", 300 },
                { "*:0/10",  "2026-03-29 03:00:00", 0,    "Sun 2026-03-29 03:10:00", 600 },
                /* Shown twice: the first time. */
                { "02:30",   "2026-10-25 01:00:00", 0,    "Sun 2026-10-25 02:30:00", 5400 },
                { "02:30",   "2026-10-25 02:30:00", 0,    "Mon 2026-10-26 02:30:00", 25 * 3600 },
                { "02:30",   "2026-10-25 02:10:00", 3600, "Mon 2026-10-26 02:30:00", 24 * 3600 + 1200 },
                { "hourly",  "2026-10-25 02:00:00", 0,    "Sun 2026-10-25 03:00:00", 7200 },
                { "03:00",   "2026-10-25 02:59:00", 0,    "Sun 2026-10-25 03:00:00", 3660 },
        };
        Zone *zone = zone_named("Europe/Berlin");

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t from = moment_of(zone, cases[i].from) + (uint64_t) cases[i].later_sec * USEC_PER_SEC, next;
                CalendarMoments moments = {};
                char text[CALENDAR_MOMENT_TEXT_SIZE];
                TimeFault fault = {};

                print_message("%s after %s + %d s\n", cases[i].text, cases[i].from, (int) cases[i].later_sec);
                assert_int_equal(calendar_add(&moments, cases[i].text, &fault), 0);
                next = calendar_next(&moments, zone, from);
                assert_string_equal(calendar_moment_text(zone, next, text), cases[i].next);
                assert_int_equal((next - from) / USEC_PER_SEC, cases[i].wait_sec);
        }
        zone_free(zone);
}

/* Samoa left out 30 December 2011. */
static void test_day_left_out(_unused_ void **state) {
        Zone *zone = zone_named("Pacific/Apia");
        CalendarMoments moments = {};
        char text[CALENDAR_MOMENT_TEXT_SIZE];
        TimeFault fault = {};

        assert_int_equal(calendar_add(&moments, "2011-12-30 12:00", &fault), 0);
        calendar_moment_text(zone, calendar_next(&moments, zone, moment_of(zone, "2011-12-29 12:00:00")), text);
        assert_string_equal(text, "Sat 2011-12-31 00:00:00");
        zone_free(zone);
}

/* What comes next is what a look at every minute finds. */
static void test_against_every_minute(_unused_ void **state) {
        static const char *const texts[] = { "*:0/7", "Mon,Sun 2..3:15", "*-*-29 02:30", "02:59", "0/5:20" };
        Zone *zone = zone_named("Europe/Berlin");

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                uint64_t begin = moment_of(zone, "2026-10-24 20:00:00"), next = 0;
                CalendarMoments moments = {};
                TimeFault fault = {};

                assert_int_equal(calendar_add(&moments, texts[i], &fault), 0);
                for (uint64_t m = begin; m < begin + 12 * USEC_PER_HOUR; m += USEC_PER_MINUTE) {
                        uint64_t now = calendar_next(&moments, zone, m);

                        /* It comes nearer, is never passed by, and is another one only when it has come. */
                        assert_true(now > m);
                        assert_true(now >= next);
                        assert_true(next <= m || now == next);
                        next = now;
                }
        }
        zone_free(zone);
}

static void test_several(_unused_ void **state) {
        CalendarMoments moments = {};
        char text[CALENDAR_MOMENT_TEXT_SIZE];
        TimeFault fault = {};

        assert_int_equal(calendar_next(&moments, NULL, 0), USEC_INFINITY);
        assert_int_equal(calendar_add(&moments, "Mon 03:00", &fault), 0);
        assert_int_equal(calendar_add(&moments, "Sun 04:00", &fault), 0);
        calendar_moment_text(NULL, calendar_next(&moments, NULL, moment_of(NULL, "2026-11-28 09:00:00")), text);
        assert_string_equal(text, "Sun 2026-11-29 04:00:00");
        for (size_t n = 2; n < CALENDAR_MOMENTS_MAX; n++)
                assert_int_equal(calendar_add(&moments, "daily", &fault), 0);
        assert_int_equal(calendar_add(&moments, "daily", &fault), -E2BIG);
}

static void test_faults(_unused_ void **state) {
        static const struct {
                const char *text;
                size_t offset;
                const char *fault;      /* part of it */
        } cases[] = {
                { "",                  0,  "says no time" },
                { "   ",               3,  "says no time" },
                { "Sunday 03:00",      0,  "write \"Sun\"" },
                { "wekly",             0,  "did you mean \"weekly\"" },
                { "Sun 24:00",         4,  "write 0 to 23" },
                { "Sun 3:60",          6,  "write 0 to 59" },
                { "03:00:61",          6,  "no second" },
                { "*-13-01",           2,  "write 1 to 12" },
                { "*-*-0",             4,  "write 1 to 31" },
                { "*-*-32 00:00",      4,  "day of a month" },
                { "26-01-01",          0,  "write 1970 to 2199" },
                { "*-*-7..1",          7,  "write 7 to 31" },
                { "*-*-1/0",           6,  "write 1 to 31" },
                { "*-*-1 03:00 UTC",   12, "stands behind the end" },
                { "*-*-1 03h",         8,  "cannot stand behind" },
                { "Sun 3",             5,  "is missing" },
                { "*-*-1x 03:00",      5,  "cannot stand behind" },
                { "99999-01-01",       0,  "no year" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CalendarMoments moments = {};
                TimeFault fault = {};

                print_message("\"%s\"\n", cases[i].text);
                assert_int_equal(calendar_add(&moments, cases[i].text, &fault), -EINVAL);
                print_message("        %zu %s\n", fault.offset, fault.text);
                assert_int_equal(moments.n, 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CalendarMoments moments = {};
                TimeFault fault = {};

                (void) calendar_add(&moments, cases[i].text, &fault);
                if (fault.offset != cases[i].offset || !strstr(fault.text, cases[i].fault))
                        fail_msg("\"%s\": %zu \"%s\"", cases[i].text, fault.offset, fault.text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_next),
                cmocka_unit_test(test_clock_set),
                cmocka_unit_test(test_day_left_out),
                cmocka_unit_test(test_against_every_minute),
                cmocka_unit_test(test_several),
                cmocka_unit_test(test_faults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
