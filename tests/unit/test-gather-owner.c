/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of owners from a name service that knows them, does not, fails, or never answers. The service is ours: the
 * calls are wrapped. Whose an inode is the kernel is asked in tests/native.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/worker/gather.h"

/* Numbers and what happens to who asks for them. */
enum {
        SOMEBODY = 117,
        NOBODY = 118,
        NOBODY_SAID_OTHERWISE = 119,
        BROKEN = 120,
        SILENT = 121,
        LONG_NAME = 122,
        MANY_MEMBERS = 123,
};

static int answer(uint32_t number, char *buffer, size_t size_bytes, char **ret_name) {
        size_t n_needed = number == MANY_MEMBERS ? 100000 : 512;

        *ret_name = NULL;
        if (size_bytes < n_needed)
                return ERANGE;
        switch (number) {
        case SOMEBODY:
        case MANY_MEMBERS:
                (void) snprintf(buffer, size_bytes, "name-%u", number);
                *ret_name = buffer;
                return 0;
        case LONG_NAME:
                memset(buffer, 'x', 300);
                buffer[300] = 0;
                *ret_name = buffer;
                return 0;
        case NOBODY_SAID_OTHERWISE:
                return ENOENT;
        case BROKEN:
                return EIO;
        case SILENT:
                for (;;)
                        (void) pause();
        default:
                return 0;
        }
}

int __wrap_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size_bytes, struct passwd **ret_found);
int __wrap_getgrgid_r(gid_t gid, struct group *entry, char *buffer, size_t size_bytes, struct group **ret_found);

int __wrap_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size_bytes, struct passwd **ret_found) {
        int error = answer(uid, buffer, size_bytes, &entry->pw_name);

        *ret_found = entry->pw_name ? entry : NULL;
        return error;
}

int __wrap_getgrgid_r(gid_t gid, struct group *entry, char *buffer, size_t size_bytes, struct group **ret_found) {
        int error = answer(gid, buffer, size_bytes, &entry->gr_name);

        *ret_found = entry->gr_name ? entry : NULL;
        return error;
}

static void test_names(void **state) {
        static const struct {
                const char *name;
                uint32_t user, group;
                FactState user_state, group_state;
                const char *user_name, *group_name;
        } cases[] = {
                { "both known", SOMEBODY, MANY_MEMBERS, FACT_KNOWN, FACT_KNOWN, "name-117", "name-123" },
                { "nobody of this number", NOBODY, NOBODY_SAID_OTHERWISE, FACT_ABSENT, FACT_ABSENT, "", "" },
                { "one of them", NOBODY, SOMEBODY, FACT_ABSENT, FACT_KNOWN, "", "name-117" },
                { "a service that fails", BROKEN, SOMEBODY, FACT_UNKNOWN, FACT_KNOWN, "", "name-117" },
                { "a name that nobody expects", LONG_NAME, SOMEBODY, FACT_UNKNOWN, FACT_KNOWN, "", "name-117" },
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                WorkerOwner owner = {
                        .state = FACT_KNOWN,
                        .user.number = cases[i].user,
                        .group.number = cases[i].group,
                };

                print_message("%s\n", cases[i].name);
                gather_owner_names(&owner);
                assert_int_equal(owner.user.name_state, cases[i].user_state);
                assert_int_equal(owner.group.name_state, cases[i].group_state);
                assert_string_equal(owner.user.name, cases[i].user_name);
                assert_string_equal(owner.group.name, cases[i].group_name);
                assert_int_equal(owner.user.number, cases[i].user);
        }
}

/* What was found before it fell silent counts; the numbers stay. */
static void test_silent_service(void **state) {
        uint64_t began_usec = clock_monotonic_usec();
        WorkerOwner owner = { .state = FACT_KNOWN, .user.number = SOMEBODY, .group.number = SILENT };

        (void) state;

        gather_owner_names(&owner);
        assert_true(clock_monotonic_usec() - began_usec >= GATHER_NAMES_USEC);
        assert_int_equal(owner.user.name_state, FACT_KNOWN);
        assert_string_equal(owner.user.name, "name-117");
        assert_int_equal(owner.group.name_state, FACT_UNKNOWN);
        assert_int_equal(owner.group.number, SILENT);
}

/* Nobody is asked about what is not known. */
static void test_no_numbers(void **state) {
        WorkerOwner owner = { .state = FACT_UNKNOWN, .error = ESTALE, .user.number = SILENT };

        (void) state;

        gather_owner_names(&owner);
        assert_int_equal(owner.user.name_state, FACT_UNKNOWN);
        assert_int_equal(owner.error, ESTALE);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_silent_service),
                cmocka_unit_test(test_no_numbers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
