/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What clocks on walls show, and when, also where they are set forward and back: against moments that were worked out
 * by hand. Needs the zone files of tzdata.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/basic/zone.h"

static Zone *zone_named(const char *name) {
        Zone *zone = NULL;
        int r = zone_new_named(name, &zone);

        if (r < 0)
                fail_msg("%s: %s", name, strerror(-r));
        return zone;
}

/* "2026-03-29 03:00:00 Sun" */
static void wall_text(const WallTime *wall, char buffer[static 64]) {
        static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

        assert_in_range(wall->weekday, 0, 6);
        (void) snprintf(buffer, 64, "%04d-%02d-%02d %02d:%02d:%02d %s", wall->year, wall->month, wall->day, wall->hour,
                        wall->minute, wall->second, days[wall->weekday]);
}

static WallTime wall_of(const char *text) {
        WallTime wall = {};

        assert_int_equal(sscanf(text, "%d-%d-%d %d:%d:%d", &wall.year, &wall.month, &wall.day, &wall.hour, &wall.minute,
                                &wall.second), 6);
        return wall;
}

static void assert_shows(const Zone *zone, int64_t moment, const char *expected) {
        char text[64];
        WallTime wall;

        zone_wall_time(zone, moment, &wall);
        wall_text(&wall, text);
        assert_string_equal(text, expected);
}

static void test_shows(_unused_ void **state) {
        static const struct {
                const char *zone;
                int64_t moment;
                const char *wall;
        } cases[] = {
                { "UTC",                  0,          "1970-01-01 00:00:00 Thu" },
                { "UTC",                  1795824000, "2026-11-28 00:00:00 Sat" },
                { "Europe/Berlin",        1795824000, "2026-11-28 01:00:00 Sat" },
                /* Forward at 01:00 UTC, back at 01:00 UTC. */
                { "Europe/Berlin",        1774745999, "2026-03-29 01:59:59 Sun" },
                { "Europe/Berlin",        1774746000, "2026-03-29 03:00:00 Sun" },
                { "Europe/Berlin",        1792889999, "2026-10-25 02:59:59 Sun" },
                { "Europe/Berlin",        1792890000, "2026-10-25 02:00:00 Sun" },
                /* At two o'clock of its own. */
                { "America/New_York",     1772953199, "2026-03-08 01:59:59 Sun" },
                { "America/New_York",     1772953200, "2026-03-08 03:00:00 Sun" },
                { "America/New_York",     1793512799, "2026-11-01 01:59:59 Sun" },
                { "America/New_York",     1793512800, "2026-11-01 01:00:00 Sun" },
                /* Summer is in January. */
                { "Australia/Sydney",     1775318399, "2026-04-05 02:59:59 Sun" },
                { "Australia/Sydney",     1775318400, "2026-04-05 02:00:00 Sun" },
                { "Australia/Sydney",     1791043199, "2026-10-04 01:59:59 Sun" },
                { "Australia/Sydney",     1791043200, "2026-10-04 03:00:00 Sun" },
                /* By half an hour. */
                { "Australia/Lord_Howe",  1791041400, "2026-10-04 02:30:00 Sun" },
                /* A day that begins at one, and one that there never was. */
                { "America/Santiago",     1788667199, "2026-09-05 23:59:59 Sat" },
                { "America/Santiago",     1788667200, "2026-09-06 01:00:00 Sun" },
                { "Pacific/Apia",         1325239199, "2011-12-29 23:59:59 Thu" },
                { "Pacific/Apia",         1325239200, "2011-12-31 00:00:00 Sat" },
                /* Behind the last change that a zone file lists. */
                { "Europe/Berlin",        2380795200, "2045-06-11 14:00:00 Sun" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(zone_free_at) Zone *zone = zone_named(cases[i].zone);

                print_message("%s, %s\n", cases[i].zone, cases[i].wall);
                assert_string_equal(zone_name(zone), cases[i].zone);
                assert_shows(zone, cases[i].moment, cases[i].wall);
        }
        assert_shows(NULL, 1795824000, "2026-11-28 00:00:00 Sat");
        assert_string_equal(zone_name(NULL), "UTC");
}

static void test_moment(_unused_ void **state) {
        static const struct {
                const char *zone;
                const char *wall;
                int result;
                int64_t moment;
        } cases[] = {
                { "UTC",                 "2026-11-28 00:00:00", 0,       1795824000 },
                { "Europe/Berlin",       "2026-11-28 01:00:00", 0,       1795824000 },
                { "Europe/Berlin",       "2026-03-29 01:59:59", 0,       1774745999 },
                { "Europe/Berlin",       "2026-03-29 02:00:00", -ENOENT, 0 },
                { "Europe/Berlin",       "2026-03-29 02:59:59", -ENOENT, 0 },
                { "Europe/Berlin",       "2026-03-29 03:00:00", 0,       1774746000 },
                { "Europe/Berlin",       "2026-10-25 02:30:00", 0,       1792888200 },
                { "Europe/Berlin",       "2026-10-25 03:00:00", 0,       1792893600 },
                { "America/New_York",    "2026-03-08 02:30:00", -ENOENT, 0 },
                { "America/New_York",    "2026-11-01 01:30:00", 0,       1793511000 },
                { "Australia/Sydney",    "2026-10-04 02:30:00", -ENOENT, 0 },
                { "Australia/Sydney",    "2026-04-05 02:30:00", 0,       1775316600 },
                { "America/Santiago",    "2026-09-06 00:30:00", -ENOENT, 0 },
                { "Pacific/Apia",        "2011-12-30 12:00:00", -ENOENT, 0 },
                { "Pacific/Apia",        "2011-12-31 00:00:00", 0,       1325239200 },
                { "Pacific/Kiritimati",  "2026-11-28 14:00:00", 0,       1795824000 },
                { "UTC",                 "2026-02-30 00:00:00", -EINVAL, 0 },
                { "UTC",                 "2026-01-01 24:00:00", -EINVAL, 0 },
                { "UTC",                 "2026-01-01 00:60:00", -EINVAL, 0 },
                { "UTC",                 "1969-12-31 00:00:00", -EINVAL, 0 },
                { "UTC",                 "99999-01-01 00:00:00", -EINVAL, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(zone_free_at) Zone *zone = zone_named(cases[i].zone);
                const WallTime wall = wall_of(cases[i].wall);
                int64_t moment = 0;

                print_message("%s, %s\n", cases[i].zone, cases[i].wall);
                assert_int_equal(zone_find_moment(zone, &wall, &moment), cases[i].result);
                assert_int_equal(moment, cases[i].moment);
        }
}

static void test_names(_unused_ void **state) {
        static const struct {
                const char *name;
                int result;
        } cases[] = {
                { "",                      -EINVAL },
                { "/etc/passwd",           -EINVAL },
                { "../../../etc/passwd",   -EINVAL },
                { "Europe/Ber lin",        -EINVAL },
                { "Europe/Berln",          -ENOENT },
                { "Europe",                -ENOENT },
                { "Europe/Berlin/Mitte",   -ENOENT },
                { "zone.tab",              -EINVAL },
                { "Etc/GMT+5",             0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(zone_free_at) Zone *zone = NULL;

                print_message("\"%s\"\n", cases[i].name);
                assert_int_equal(zone_new_named(cases[i].name, &zone), cases[i].result);
        }

        assert_string_equal(zone_name_of_link("/usr/share/zoneinfo/Europe/Berlin"), "Europe/Berlin");
        assert_string_equal(zone_name_of_link("../usr/share/zoneinfo/Etc/GMT+5"), "Etc/GMT+5");
        assert_null(zone_name_of_link("/srv/my-own-zone"));
        assert_null(zone_name_of_link("/usr/share/zoneinfo/"));
        assert_null(zone_name_of_link("/usr/share/zoneinfo/not a name"));
}

static int memory_of(const void *bytes, size_t length) {
        int fd = memfd_create("zone", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(file_write_all(fd, bytes, length), 0);
        return fd;
}

static int memory_of_zone(const char *name) {
        _cleanup_(free_at) char *bytes = NULL;
        char path[256];
        size_t length;

        (void) snprintf(path, sizeof(path), ZONE_FOLDER "/%s", name);
        assert_int_equal(file_read(AT_FDCWD, path, ZONE_FILE_MAX, &bytes, &length), 0);
        return memory_of(bytes, length);
}

/* A zone after the other in a descriptor of the same number: as when somebody sets the machine's zone. */
static void test_file(_unused_ void **state) {
        static const struct {
                const char *zone;
                const char *wall;
        } cases[] = {
                { "Europe/Berlin",    "2026-11-28 01:00:00 Sat" },
                { "America/New_York", "2026-11-27 19:00:00 Fri" },
                { "Asia/Tokyo",       "2026-11-28 09:00:00 Sat" },
                { "Europe/Berlin",    "2026-11-28 01:00:00 Sat" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(close_fd_at) int fd = memory_of_zone(cases[i].zone);
                _cleanup_(zone_free_at) Zone *zone = NULL;

                assert_int_equal(zone_new_file(fd, cases[i].zone, &zone), 0);
                fd = close_fd(fd);
                assert_shows(zone, 1795824000, cases[i].wall);
                assert_string_equal(zone_name(zone), cases[i].zone);
        }
}

/* Asked in turn: each answers for itself. */
static void test_in_turn(_unused_ void **state) {
        _cleanup_(zone_free_at) Zone *berlin = zone_named("Europe/Berlin"), *tokyo = NULL;
        _cleanup_(close_fd_at) int fd = memory_of_zone("Asia/Tokyo");

        assert_int_equal(zone_new_file(fd, "Asia/Tokyo", &tokyo), 0);
        for (unsigned i = 0; i < 3; i++) {
                assert_shows(berlin, 1795824000, "2026-11-28 01:00:00 Sat");
                assert_shows(tokyo, 1795824000, "2026-11-28 09:00:00 Sat");
                assert_shows(NULL, 1795824000, "2026-11-28 00:00:00 Sat");
        }
}

static void test_no_zone_file(_unused_ void **state) {
        static char large[ZONE_FILE_MAX + 1] = "TZif2";
        _cleanup_(close_fd_at) int text = memory_of("Europe/Berlin", 13), empty = memory_of("", 0);
        _cleanup_(close_fd_at) int too_large = memory_of(large, sizeof(large));
        _cleanup_(close_fd_at) int folder = open("/", O_RDONLY | O_CLOEXEC);
        Zone *zone = NULL;

        assert_int_equal(zone_new_file(text, "text", &zone), -EBADMSG);
        assert_int_equal(zone_new_file(empty, "empty", &zone), -EBADMSG);
        assert_int_equal(zone_new_file(folder, "folder", &zone), -EBADMSG);
        assert_int_equal(zone_new_file(too_large, "large", &zone), -EFBIG);
        assert_null(zone);
}

static void test_machine(_unused_ void **state) {
        _cleanup_(zone_free_at) Zone *zone = NULL;

        assert_int_equal(zone_new_machine(&zone), 0);
        assert_true(zone_name(zone)[0]);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shows),
                cmocka_unit_test(test_moment),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_in_turn),
                cmocka_unit_test(test_no_zone_file),
                cmocka_unit_test(test_machine),
        };

        if (access(ZONE_FOLDER "/Europe/Berlin", F_OK) < 0) {
                puts("SKIP: no zone files: tzdata is not installed");
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
