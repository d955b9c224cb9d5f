/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's time zone in a folder of our own: set as timedatectl sets it, as an update of the zones does, and in
 * ways that must not do harm. Needs the zone files of tzdata.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/zone-file.h"
#include "src/worker/zone-watch.h"

/* Only ends a test that would never end. */
#define GIVE_UP_USEC (60 * USEC_PER_SEC)
#define BERLIN ZONE_FOLDER "/Europe/Berlin"
#define TOKYO ZONE_FOLDER "/Asia/Tokyo"
/* 2026-11-28 00:00 UTC */
#define MOMENT 1795824000

typedef struct Setup {
        sd_event *event;
        ChildTable *children;
        ZoneWatch *watch;
        char folder[64], path[96];
        unsigned n_told, n_looked;
        char name[ZONE_NAME_SIZE];
        int hour;               /* of MOMENT by what was told; -1: UTC, without a descriptor */
} Setup;

static int hour_of(int fd) {
        _cleanup_(zone_free_at) Zone *zone = NULL;
        WallTime wall;

        if (fd < 0)
                return -1;
        assert_int_equal(zone_new_file(fd, "told", &zone), 0);
        zone_wall_time(zone, MOMENT, &wall);
        return wall.hour;
}

static void on_zone(const char *name, int fd, void *userdata) {
        Setup *s = userdata;

        s->n_told++;
        (void) text_copy(s->name, sizeof(s->name), name);
        s->hour = hour_of(fd);
}

static void on_looked(void *userdata) {
        ((Setup *) userdata)->n_looked++;
}

static const ZoneWatchCalls calls = { .on_zone = on_zone, .on_looked = on_looked };

static int on_give_up(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) source;
        (void) usec;

        return sd_event_exit(userdata, -ETIME);
}

static int setup(void **state) {
        static Setup s;

        s = (Setup) {};
        strcpy(s.folder, "/tmp/test-zone-XXXXXX");
        if (!mkdtemp(s.folder))
                return -1;
        (void) snprintf(s.path, sizeof(s.path), "%s/localtime", s.folder);
        if (sd_event_new(&s.event) < 0 ||
            sd_event_add_time_relative(s.event, NULL, CLOCK_MONOTONIC, GIVE_UP_USEC, 0, on_give_up, s.event) < 0)
                return -1;
        s.children = child_table_new(s.event);
        *state = &s;
        return s.children ? zone_watch_new(s.event, s.children, s.path, &calls, &s, &s.watch) : -1;
}

static int remove_entry(const char *path, const struct stat *attributes, int flag, struct FTW *ftw) {
        (void) attributes;
        (void) flag;
        (void) ftw;
        return remove(path);
}

static int teardown(void **state) {
        Setup *s = *state;

        zone_watch_free(s->watch);
        child_table_free(s->children);
        sd_event_unref(s->event);
        return nftw(s->folder, remove_entry, 4, FTW_DEPTH | FTW_PHYS);
}

static void run_until_looked(Setup *s, unsigned n_looked) {
        while (s->n_looked < n_looked)
                if (sd_event_run(s->event, UINT64_MAX) <= 0 || sd_event_get_state(s->event) == SD_EVENT_FINISHED)
                        fail_msg("there were only %u looks", s->n_looked);
}

/* A change may be seen in several looks, of which only the last one tells something. */
static void run_until_told(Setup *s, unsigned n_told) {
        while (s->n_told < n_told)
                if (sd_event_run(s->event, UINT64_MAX) <= 0 || sd_event_get_state(s->event) == SD_EVENT_FINISHED)
                        fail_msg("told %u times only", s->n_told);
}

/* As timedatectl does it: made beside, and put in place. */
static void set_link(const Setup *s, const char *target) {
        char beside[128];

        (void) snprintf(beside, sizeof(beside), "%s/.#localtime", s->folder);
        assert_int_equal(symlink(target, beside), 0);
        assert_int_equal(rename(beside, s->path), 0);
}

static void assert_told(const Setup *s, unsigned n_told, const char *name, int hour) {
        const char *known = NULL;
        int fd = -EBADF;

        assert_int_equal(s->n_told, n_told);
        assert_string_equal(s->name, name);
        assert_int_equal(s->hour, hour);
        assert_true(zone_watch_get(s->watch, &known, &fd));
        assert_string_equal(known, name);
        assert_int_equal(hour_of(fd), hour);
}

static void test_set(void **state) {
        Setup *s = *state;
        const char *name;
        int fd;

        assert_false(zone_watch_get(s->watch, &name, &fd));
        set_link(s, BERLIN);
        zone_watch_look(s->watch);
        run_until_looked(s, 1);
        assert_told(s, 1, "Europe/Berlin", 1);

        set_link(s, TOKYO);
        run_until_told(s, 2);
        assert_told(s, 2, "Asia/Tokyo", 9);

        assert_int_equal(unlink(s->path), 0);
        run_until_told(s, 3);
        assert_told(s, 3, "UTC", -1);

        set_link(s, "../../.." BERLIN);
        run_until_told(s, 4);
        assert_told(s, 4, "Europe/Berlin", 1);
}

/* Nothing to say: the same again, and other files of the folder. */
static void test_nothing_new(void **state) {
        Setup *s = *state;
        char other[128];
        int fd;

        set_link(s, BERLIN);
        zone_watch_look(s->watch);
        run_until_looked(s, 1);

        set_link(s, BERLIN);
        run_until_looked(s, 2);
        assert_told(s, 1, "Europe/Berlin", 1);

        (void) snprintf(other, sizeof(other), "%s/passwd", s->folder);
        fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close_fd(fd);
        while (sd_event_run(s->event, 0) > 0)
                ;
        assert_int_equal(child_table_count(s->children), 0);
        assert_int_equal(s->n_told, 1);
}

static void copy_zone(const char *from, const char *to) {
        _cleanup_(free_at) char *bytes = NULL;
        size_t length;

        assert_int_equal(file_read(AT_FDCWD, from, ZONE_FILE_MAX, &bytes, &length), 0);
        assert_int_equal(file_write_atomic(to, bytes, length, 0644), 0);
}

/* The link stays, the file that it leads to is another: an update of tzdata. */
static void test_file_replaced(void **state) {
        Setup *s = *state;
        char folder[128], file[160];

        (void) snprintf(folder, sizeof(folder), "%s/zoneinfo", s->folder);
        (void) snprintf(file, sizeof(file), "%s/Here", folder);
        assert_int_equal(mkdir(folder, 0755), 0);
        copy_zone(BERLIN, file);
        set_link(s, file);
        zone_watch_look(s->watch);
        run_until_looked(s, 1);
        assert_told(s, 1, "Here", 1);

        copy_zone(TOKYO, file);
        run_until_told(s, 2);
        assert_told(s, 2, "Here", 9);
        /* And the new one is watched as well. */
        copy_zone(BERLIN, file);
        run_until_told(s, 3);
        assert_told(s, 3, "Here", 1);
}

/* A copy instead of a link has no name. */
static void test_no_link(void **state) {
        Setup *s = *state;

        copy_zone(TOKYO, s->path);
        zone_watch_look(s->watch);
        run_until_looked(s, 1);
        assert_told(s, 1, s->path, 9);

        copy_zone(BERLIN, s->path);
        run_until_told(s, 2);
        assert_told(s, 2, s->path, 1);
}

/* What is no zone leaves the last one. */
static void test_nonsense(void **state) {
        Setup *s = *state;
        const char *name;
        int fd;

        assert_int_equal(file_write_atomic(s->path, "nonsense", 8, 0644), 0);
        zone_watch_look(s->watch);
        run_until_looked(s, 1);
        assert_false(zone_watch_get(s->watch, &name, &fd));

        set_link(s, BERLIN);
        run_until_told(s, 1);
        set_link(s, "/dev/null");
        zone_watch_look(s->watch);
        run_until_looked(s, s->n_looked + 1);
        assert_told(s, 1, "Europe/Berlin", 1);
}

static void test_copy(void **state) {
        static const struct {
                const char *path;
                int result;
        } cases[] = {
                { BERLIN,                       0 },
                { "/nonexistent/localtime",     0 },
                { "/dev/null",                  -EBADMSG },
                { "/proc",                      -EBADMSG },
                { "/proc/self/environ",         -EBADMSG },
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(close_fd_at) int fd = -EBADF;
                char name[ZONE_NAME_SIZE];

                print_message("%s\n", cases[i].path);
                assert_int_equal(zone_file_copy(cases[i].path, name, &fd), cases[i].result);
                assert_int_equal(fd >= 0, text_equal(cases[i].path, BERLIN));
                if (fd < 0)
                        continue;
                /* Nobody can change it any more, nor let it be changed. */
                assert_int_equal(fcntl(fd, F_GET_SEALS) & (F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK),
                                 F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
                assert_true(write(fd, "x", 1) < 0 && errno == EPERM);
                assert_int_equal(hour_of(fd), 1);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_set, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nothing_new, setup, teardown),
                cmocka_unit_test_setup_teardown(test_file_replaced, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_link, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
                cmocka_unit_test(test_copy),
        };

        if (access(BERLIN, F_OK) < 0) {
                puts("SKIP: no zone files: tzdata is not installed");
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
