/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What units read and how far they got, in a folder of the test's own; and who can write a file: the test plays root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/unit-place.h"
#include "src/worker/unit-trust.h"

typedef struct Setup {
        char root[64];
        int root_fd;
} Setup;

static int setup(void **state) {
        static Setup s;

        strcpy(s.root, "/tmp/healer-units-XXXXXX");
        assert_non_null(mkdtemp(s.root));
        s.root_fd = open(s.root, O_PATH|O_DIRECTORY|O_CLOEXEC);
        assert_true(s.root_fd >= 0);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;
        char command[256];

        s->root_fd = close_fd(s->root_fd);
        (void) snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", s->root, s->root);
        return system(command);
}

static void assert_holds(int place_fd, const char *path, const void *bytes, size_t size_bytes) {
        _cleanup_(free_at) char *text = NULL;
        struct stat attributes;
        size_t length;

        assert_int_equal(fstatat(place_fd, path, &attributes, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(attributes.st_mode & 07777, 0600);
        assert_int_equal(file_read(place_fd, path, 4096, &text, &length), 0);
        assert_int_equal(length, size_bytes);
        assert_memory_equal(text, bytes, size_bytes);
}

static bool exists(int place_fd, const char *path) {
        return faccessat(place_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_files(void **state) {
        const UnitPayload payload = { .data = { "{}\n", "/a\0/b" }, .size_bytes = { 3, 6 } };
        const UnitPayload other = { .data = { "[]\n", NULL }, .size_bytes = { 3, 0 } };
        const Setup *s = *state;
        _cleanup_(close_fd_at) int place_fd = unit_place_open(s->root);
        struct stat attributes;

        assert_true(place_fd >= 0);
        assert_int_equal(unit_place_write(place_fd, 17, &payload), 0);
        assert_holds(place_fd, "17/message.json", "{}\n", 3);
        assert_holds(place_fd, "17/paths", "/a\0/b", 6);
        assert_int_equal(fstatat(place_fd, "17", &attributes, 0), 0);
        assert_int_equal(attributes.st_mode & 07777, 0700);
        assert_false(exists(place_fd, "new-17"));

        /* Again, as for a second try. */
        assert_int_equal(unit_place_write(place_fd, 17, &other), 0);
        assert_holds(place_fd, "17/message.json", "[]\n", 3);
        assert_holds(place_fd, "17/paths", "", 0);
        unit_place_remove(place_fd, 17);
        assert_false(exists(place_fd, "17"));
        unit_place_remove(place_fd, 17);
}

/* Left behind by a process that was killed while it wrote. */
static void test_half_written(void **state) {
        const UnitPayload payload = { .data = { "{}\n", "" }, .size_bytes = { 3, 0 } };
        const Setup *s = *state;
        _cleanup_(close_fd_at) int place_fd = unit_place_open(s->root);

        assert_int_equal(mkdirat(place_fd, "new-17", 0700), 0);
        close_fd(openat(place_fd, "new-17/message.json", O_WRONLY|O_CREAT|O_CLOEXEC, 0600));
        assert_true(exists(place_fd, "new-17/message.json"));
        assert_int_equal(unit_place_write(place_fd, 17, &payload), 0);
        assert_holds(place_fd, "17/message.json", "{}\n", 3);
        assert_false(exists(place_fd, "new-17"));
}

static void test_place_of_somebody_else(void **state) {
        const Setup *s = *state;
        _cleanup_(close_fd_at) int place_fd = unit_place_open(s->root);

        assert_true(place_fd >= 0);
        assert_int_equal(fchmod(place_fd, 0770), 0);
        assert_int_equal(unit_place_open(s->root), -EPERM);
        assert_int_equal(unit_place_open("/nonexistent"), -ENOENT);
        assert_int_equal(unlinkat(s->root_fd, UNIT_PLACE_NAME, AT_REMOVEDIR), 0);
        assert_int_equal(symlinkat("/tmp", s->root_fd, UNIT_PLACE_NAME), 0);
        assert_true(unit_place_open(s->root) < 0);
}

typedef struct Seen {
        unsigned n;
        uint64_t sum;
        UnitStage stage;
} Seen;

static void see(const UnitRecord *record, void *userdata) {
        Seen *seen = userdata;

        seen->n++;
        seen->sum += record->request.job_id;
        seen->stage = record->stage;
}

static void test_records(void **state) {
        UnitRecord record = {
                .request = { .job_id = 17, .template = "restore@.service" },
                .deadline_usec = 5,
                .stage = UNIT_STARTING,
        };
        const Setup *s = *state;
        _cleanup_(close_fd_at) int place_fd = unit_place_open(s->root);
        UnitRecord read = {};
        Seen seen = {};

        assert_int_equal(unit_record_read(place_fd, 17, &read), -ENOENT);
        assert_int_equal(unit_record_write(place_fd, &record), 0);
        record.stage = UNIT_ENDED;
        record.result.outcome = OUTCOME_FAILED;
        assert_int_equal(unit_record_write(place_fd, &record), 0);
        assert_int_equal(unit_record_read(place_fd, 17, &read), 0);
        assert_memory_equal(&read, &record, sizeof(read));

        /* Nonsense is removed, what somebody was writing as well. */
        close_fd(openat(place_fd, ".18", O_WRONLY|O_CREAT|O_CLOEXEC, 0600));
        close_fd(openat(place_fd, ".new-19", O_WRONLY|O_CREAT|O_CLOEXEC, 0600));
        assert_int_equal(unit_record_each(place_fd, see, &seen), 0);
        assert_int_equal(seen.n, 1);
        assert_int_equal(seen.sum, 17);
        assert_int_equal(seen.stage, UNIT_ENDED);
        assert_false(exists(place_fd, ".18"));
        assert_false(exists(place_fd, ".new-19"));

        unit_record_forget(place_fd, 17);
        assert_false(exists(place_fd, ".17"));
        unit_record_forget(-EBADF, 17);
}

/* Everything below the root of the test: "etc/unit" and what leads there. */
static void make(const Setup *s, const char *path, mode_t mode) {
        char parent[128];

        (void) text_copy(parent, sizeof(parent), path);
        for (char *slash = strchr(parent, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                assert_true(mkdirat(s->root_fd, parent, 0755) == 0 || errno == EEXIST);
                *slash = '/';
        }
        close_fd(openat(s->root_fd, path, O_WRONLY|O_CREAT|O_CLOEXEC, 0600));
        assert_int_equal(fchmodat(s->root_fd, path, mode, 0), 0);
}

static int check(const Setup *s, const char *path, char problem[static 256]) {
        int r = trusted_file_check(s->root_fd, geteuid(), path, problem, 256);

        print_message("%s: %s\n", path, r < 0 ? problem : "good");
        return r;
}

static void test_trust(void **state) {
        const Setup *s = *state;
        char problem[256];

        make(s, "etc/good@.service", 0644);
        make(s, "etc/group@.service", 0664);
        make(s, "etc/all@.service", 0646);
        make(s, "open/good@.service", 0644);
        assert_int_equal(fchmodat(s->root_fd, "open", 01777, 0), 0);
        assert_int_equal(symlinkat("/etc/good@.service", s->root_fd, "etc/absolute@.service"), 0);
        assert_int_equal(symlinkat("../etc/../etc/./good@.service", s->root_fd, "etc/relative@.service"), 0);
        assert_int_equal(symlinkat("/open/good@.service", s->root_fd, "etc/through-open@.service"), 0);
        assert_int_equal(symlinkat("/etc/good@.service", s->root_fd, "open/back@.service"), 0);
        assert_int_equal(symlinkat("/open/back@.service", s->root_fd, "etc/there-and-back@.service"), 0);
        assert_int_equal(symlinkat("loop@.service", s->root_fd, "etc/loop@.service"), 0);
        assert_int_equal(symlinkat("../../../../etc/good@.service", s->root_fd, "etc/above@.service"), 0);
        assert_int_equal(mkfifoat(s->root_fd, "etc/fifo@.service", 0600), 0);

        assert_int_equal(check(s, "/etc/good@.service", problem), 0);
        assert_int_equal(check(s, "//etc/./good@.service", problem), 0);
        assert_int_equal(check(s, "/etc/absolute@.service", problem), 0);
        assert_int_equal(check(s, "/etc/relative@.service", problem), 0);
        assert_int_equal(check(s, "/etc/above@.service", problem), 0);

        assert_int_equal(check(s, "/etc/group@.service", problem), -EPERM);
        assert_string_equal(problem, "group@.service can be written by others than root");
        assert_int_equal(check(s, "/etc/all@.service", problem), -EPERM);
        /* Who can write a folder on the way can put another file there: also one with the sticky bit. */
        assert_int_equal(check(s, "/open/good@.service", problem), -EPERM);
        assert_string_equal(problem, "open can be written by others than root");
        assert_int_equal(check(s, "/etc/through-open@.service", problem), -EPERM);
        assert_int_equal(check(s, "/etc/there-and-back@.service", problem), -EPERM);
        assert_int_equal(check(s, "/etc/loop@.service", problem), -ELOOP);
        assert_int_equal(check(s, "/etc/fifo@.service", problem), -EPERM);
        assert_int_equal(check(s, "/etc/none@.service", problem), -ENOENT);
        assert_int_equal(check(s, "/etc/good@.service/x", problem), -ENOTDIR);
        assert_int_equal(check(s, "/etc", problem), -EISDIR);
        assert_int_equal(check(s, "/", problem), -EISDIR);
        assert_int_equal(check(s, "etc/good@.service", problem), -EINVAL);
        assert_int_equal(check(s, "", problem), -EINVAL);

        /* The root itself. */
        assert_int_equal(chmod(s->root, 0777), 0);
        assert_int_equal(check(s, "/etc/good@.service", problem), -EPERM);
        assert_string_equal(problem, "/ can be written by others than root");
}

static void test_trust_of_another_owner(void **state) {
        const Setup *s = *state;
        char problem[256];

        make(s, "etc/good@.service", 0644);
        assert_int_equal(trusted_file_check(s->root_fd, geteuid() + 1, "/etc/good@.service", problem, sizeof(problem)),
                         -EPERM);
        assert_string_equal(problem, "/ does not belong to root");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_files, setup, teardown),
                cmocka_unit_test_setup_teardown(test_half_written, setup, teardown),
                cmocka_unit_test_setup_teardown(test_place_of_somebody_else, setup, teardown),
                cmocka_unit_test_setup_teardown(test_records, setup, teardown),
                cmocka_unit_test_setup_teardown(test_trust, setup, teardown),
                cmocka_unit_test_setup_teardown(test_trust_of_another_owner, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
