/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies, mount points and the name people know a file system by.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "src/model/filesystem-facts.h"

static void test_mounts(_unused_ void **state) {
        _cleanup_(filesystem_facts_clear) FilesystemFacts facts = {};

        filesystem_facts_remove_mount(&facts, "/absent");
        assert_int_equal(filesystem_facts_add_mount(&facts, "/a"), 0);
        assert_int_equal(filesystem_facts_add_mount(&facts, "/b"), 0);
        assert_int_equal(filesystem_facts_add_mount(&facts, "/c"), 0);
        assert_int_equal(filesystem_facts_add_mount(&facts, "/b"), 0);
        assert_int_equal(facts.n_mounts, 3);
        assert_null(facts.mounts[3]);

        filesystem_facts_remove_mount(&facts, "/absent");
        filesystem_facts_remove_mount(&facts, "/a");
        assert_int_equal(facts.n_mounts, 2);
        assert_string_equal(facts.mounts[0], "/b");
        assert_string_equal(facts.mounts[1], "/c");
        assert_null(facts.mounts[2]);

        filesystem_facts_remove_mount(&facts, "/c");
        filesystem_facts_remove_mount(&facts, "/b");
        assert_int_equal(facts.n_mounts, 0);
        assert_null(facts.mounts[0]);
        assert_int_equal(filesystem_facts_add_mount(&facts, "/d"), 0);
        assert_string_equal(facts.mounts[0], "/d");
}

static void test_copy(_unused_ void **state) {
        FilesystemFacts facts = {
                .type = strdup("xfs"),
                .device_number = makedev(8, 1),
                .device = strdup("/dev/sda1"),
                .uuid_state = FACT_KNOWN,
                .uuid = { 1, 2, 3 },
                .label_state = FACT_KNOWN,
                .label = strdup("scratch"),
                .is_root = TRISTATE_UNKNOWN,
                .autofsck_state = FACT_KNOWN,
                .autofsck = AUTOFSCK_REPAIR,
                .has_rmapbt = true,
                .n_rtgroups = 4,
        }, copy = {}, empty = {};

        assert_int_equal(filesystem_facts_add_mount(&facts, "/a"), 0);
        assert_int_equal(filesystem_facts_add_mount(&facts, "/b"), 0);
        assert_int_equal(filesystem_facts_copy(&facts, &copy), 0);
        /* The copy lives by itself. */
        filesystem_facts_clear(&facts);
        assert_memory_equal(&facts, &empty, sizeof(facts));

        assert_string_equal(copy.type, "xfs");
        assert_string_equal(copy.device, "/dev/sda1");
        assert_string_equal(copy.label, "scratch");
        assert_int_equal(copy.n_mounts, 2);
        assert_string_equal(copy.mounts[0], "/a");
        assert_string_equal(copy.mounts[1], "/b");
        assert_null(copy.mounts[2]);
        assert_true(copy.device_number == makedev(8, 1));
        assert_int_equal(copy.uuid_state, FACT_KNOWN);
        assert_int_equal(copy.uuid[2], 3);
        assert_int_equal(copy.is_root, TRISTATE_UNKNOWN);
        assert_int_equal(copy.autofsck, AUTOFSCK_REPAIR);
        assert_true(copy.has_rmapbt);
        assert_int_equal(copy.n_rtgroups, 4);
        filesystem_facts_clear(&copy);

        /* What is absent stays absent. */
        assert_int_equal(filesystem_facts_copy(&empty, &copy), 0);
        assert_null(copy.type);
        assert_null(copy.mounts);
        filesystem_facts_clear(&copy);
        filesystem_facts_clear(&copy);
        filesystem_facts_clear(NULL);
}

static void test_subject(_unused_ void **state) {
        _cleanup_(filesystem_facts_clear) FilesystemFacts facts = { .device_number = makedev(253, 70000) };
        char buffer[32];

        assert_string_equal(filesystem_facts_subject(&facts, buffer), "253:70000");
        facts.device = strdup("/dev/sda1");
        assert_string_equal(filesystem_facts_subject(&facts, buffer), "/dev/sda1");
        assert_int_equal(filesystem_facts_add_mount(&facts, "/a"), 0);
        assert_int_equal(filesystem_facts_add_mount(&facts, "/b"), 0);
        assert_string_equal(filesystem_facts_subject(&facts, buffer), "/a");
        filesystem_facts_remove_mount(&facts, "/a");
        assert_string_equal(filesystem_facts_subject(&facts, buffer), "/b");
}

static void test_uuid(_unused_ void **state) {
        static const struct {
                const char *text;
                int result;
        } cases[] = {
                { "00112233-4455-6677-8899-aabbccddeeff",  0       },
                { "00112233-4455-6677-8899-AABBCCDDEEFF",  0       },
                { "00112233-4455-6677-8899-aabbccddeef",   -EINVAL },
                { "00112233-4455-6677-8899-aabbccddeefff", -EINVAL },
                { "00112233-4455-6677-8899-aabbccddeef ",  -EINVAL },
                { "00112233-4455-6677-8899-aabbccddeefg",  -EINVAL },
                { "00112233445566778899aabbccddeeff",      -EINVAL },
                { "0011-22334455-6677-8899-aabbccddeeff",  -EINVAL },
                { "00112233-4455-6677-8899",               -EINVAL },
                { "00112233",                              -EINVAL },
                { "{00112233-4455-6677-8899-aabbccddeeff}", -EINVAL },
                { "",                                      -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint8_t uuid[UUID_SIZE] = { 0x77 };
                char buffer[UUID_TEXT_SIZE];

                print_message("\"%s\"\n", cases[i].text);
                assert_int_equal(uuid_parse(cases[i].text, uuid), cases[i].result);
                if (cases[i].result < 0) {
                        assert_int_equal(uuid[0], 0x77);
                        continue;
                }
                for (size_t j = 0; j < UUID_SIZE; j++)
                        assert_int_equal(uuid[j], 0x11 * j);
                assert_ptr_equal(uuid_format(uuid, buffer), buffer);
                assert_string_equal(buffer, cases[0].text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mounts),
                cmocka_unit_test(test_copy),
                cmocka_unit_test(test_subject),
                cmocka_unit_test(test_uuid),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
