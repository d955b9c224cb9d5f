/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's answers to a check or repair mean, and the table of structures behind the calls.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "kernel/metadata-repair.h"
#include "kernel/metadata-structures.h"
#include "kernel/xfs-abi.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"

#define FLAG(name) ABI_XFS_SCRUB_OFLAG_##name
#define REPAIR_FLAG ABI_XFS_SCRUB_IFLAG_REPAIR

static void test_flags(void **state) {
        static const struct {
                const char *name;
                uint32_t flags;
                Outcome check, repair;
        } cases[] = {
                { "none",               0,                      OUTCOME_DONE, OUTCOME_DONE },
                { "flag that went in",  REPAIR_FLAG,            OUTCOME_DONE, OUTCOME_DONE },
                { "corrupt",            FLAG(CORRUPT),          OUTCOME_STILL_CORRUPT, OUTCOME_STILL_CORRUPT },
                { "preen",              FLAG(PREEN),            OUTCOME_DONE, OUTCOME_DONE },
                { "xfail",              FLAG(XFAIL),            OUTCOME_CROSS_REFERENCE, OUTCOME_CROSS_REFERENCE },
                { "xcorrupt",           FLAG(XCORRUPT),         OUTCOME_CROSS_REFERENCE, OUTCOME_CROSS_REFERENCE },
                { "incomplete",         FLAG(INCOMPLETE),       OUTCOME_INCOMPLETE, OUTCOME_INCOMPLETE },
                { "warning",            FLAG(WARNING),          OUTCOME_DONE, OUTCOME_DONE },
                { "nothing to repair",  FLAG(NO_REPAIR_NEEDED), OUTCOME_DONE, OUTCOME_NOT_NEEDED },
                { "corrupt above incomplete", FLAG(CORRUPT) | FLAG(INCOMPLETE),
                  OUTCOME_STILL_CORRUPT, OUTCOME_STILL_CORRUPT },
                { "incomplete above cross-reference", FLAG(INCOMPLETE) | FLAG(XFAIL) | FLAG(XCORRUPT),
                  OUTCOME_INCOMPLETE, OUTCOME_INCOMPLETE },
                { "cross-reference above nothing to repair", FLAG(XFAIL) | FLAG(NO_REPAIR_NEEDED),
                  OUTCOME_CROSS_REFERENCE, OUTCOME_CROSS_REFERENCE },
                { "everything",         UINT32_MAX,             OUTCOME_STILL_CORRUPT, OUTCOME_STILL_CORRUPT },
                { "flag of the future", UINT32_C(1) << 31,      OUTCOME_DONE, OUTCOME_DONE },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                MetadataResult result;

                print_message("%s\n", cases[i].name);
                result = metadata_result_classify(METADATA_CHECK, 0, cases[i].flags);
                assert_int_equal(result.outcome, cases[i].check);
                assert_int_equal(result.error, 0);
                assert_int_equal(result.flags, cases[i].flags);
                result = metadata_result_classify(METADATA_REPAIR, 0, cases[i].flags | REPAIR_FLAG);
                assert_int_equal(result.outcome, cases[i].repair);
                assert_int_equal(result.flags, cases[i].flags | REPAIR_FLAG);
        }
}

static void test_errors(void **state) {
        static const struct {
                int error;
                Outcome outcome;
        } cases[] = {
                { ENOENT, OUTCOME_GONE },               { ESTALE, OUTCOME_GONE },
                { EROFS, OUTCOME_READ_ONLY },           { ESHUTDOWN, OUTCOME_SHUT_DOWN },
                { EBUSY, OUTCOME_BUSY },                { EDEADLOCK, OUTCOME_BUSY },
                { EAGAIN, OUTCOME_BUSY },               { ENOMEM, OUTCOME_NO_MEMORY },
                { EOPNOTSUPP, OUTCOME_NOT_SUPPORTED },  { ENOTTY, OUTCOME_NOT_SUPPORTED },
                { ENOTRECOVERABLE, OUTCOME_NOT_SUPPORTED },
                { EPERM, OUTCOME_NO_PERMISSION },       { EACCES, OUTCOME_NO_PERMISSION },
                { EINVAL, OUTCOME_FAILED },             { EIO, OUTCOME_FAILED },
                { ENOSPC, OUTCOME_FAILED },             { EINTR, OUTCOME_CANCELLED },
                { EUCLEAN, OUTCOME_STILL_CORRUPT },     { EBADMSG, OUTCOME_STILL_CORRUPT },
                { 100000, OUTCOME_FAILED },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("errno %d\n", cases[i].error);
                for (MetadataCall call = METADATA_CHECK; call <= METADATA_REPAIR; call++) {
                        /* What stands in the flags after a failed call means nothing. */
                        MetadataResult result = metadata_result_classify(call, cases[i].error, FLAG(CORRUPT));

                        assert_int_equal(result.outcome, cases[i].outcome);
                        assert_int_equal(result.error, cases[i].error);
                }
        }
}

static void test_structures(void **state) {
        const MetadataStructure *rows;
        size_t n_rows;

        (void) state;
        rows = metadata_structures(&n_rows);
        assert_int_equal(n_rows, N_STRUCTURES - 2);
        assert_null(metadata_structure_find(STRUCTURE_NONE));
        assert_null(metadata_structure_find(STRUCTURE_UNRECOGNISED));

        for (size_t i = 0; i < n_rows; i++) {
                print_message("%d %s\n", (int) rows[i].domain, structure_to_name(rows[i].structure));
                assert_ptr_equal(metadata_structure_find(rows[i].structure), rows + i);
                assert_int_equal(rows[i].domain, structure_domain(rows[i].structure));
                assert_int_equal(__builtin_popcount(rows[i].bit), 1);
                assert_int_equal(rows[i].selector == METADATA_SELECTOR_INODE, rows[i].domain == DOMAIN_INODE);
                assert_int_equal(rows[i].selector == METADATA_SELECTOR_NONE, rows[i].domain == DOMAIN_FS);
                for (size_t j = 0; j < i; j++) {
                        if (rows[j].domain != rows[i].domain)
                                continue;
                        assert_int_not_equal(rows[j].bit, rows[i].bit);
                        if (rows[i].scrub_type != METADATA_NO_SCRUB_TYPE)
                                assert_int_not_equal(rows[j].scrub_type, rows[i].scrub_type);
                }
        }
}

static void test_repairable(void **state) {
        static const Structure without[] = {
                STRUCTURE_NONE, STRUCTURE_UNRECOGNISED,
                STRUCTURE_FS_METADIR, STRUCTURE_FS_METAPATH, STRUCTURE_AG_INODES,
        };

        (void) state;
        for (Structure structure = STRUCTURE_NONE; structure < N_STRUCTURES; structure++) {
                bool is_expected = true;

                for (size_t i = 0; i < ELEMENTSOF(without); i++)
                        if (without[i] == structure)
                                is_expected = false;
                assert_int_equal(metadata_structure_is_repairable(structure), is_expected);
        }
        /* Some that are known by heart. */
        assert_int_equal(metadata_structure_find(STRUCTURE_AG_FINOBT)->scrub_type, 8);
        assert_int_equal(metadata_structure_find(STRUCTURE_INODE_CORE)->scrub_type, 11);
        assert_int_equal(metadata_structure_find(STRUCTURE_FS_COUNTERS)->scrub_type, 24);
        assert_int_equal(metadata_structure_find(STRUCTURE_INODE_DIRTREE)->scrub_type, 28);
        assert_int_equal(metadata_structure_find(STRUCTURE_RTGROUP_REFCOUNTBT)->scrub_type, 32);
}

static void test_calls_that_no_kernel_takes(void **state) {
        RepairTarget target = { .structure = STRUCTURE_AG_FINOBT };
        _cleanup_(close_fd_at) int reader = -EBADF, writer = -EBADF;
        MetadataResult result;
        int fds[2];

        (void) state;
        assert_int_equal(pipe(fds), 0);
        reader = fds[0];
        writer = fds[1];

        result = metadata_call(reader, &target, METADATA_REPAIR);
        assert_int_equal(result.outcome, OUTCOME_NOT_SUPPORTED);
        assert_int_equal(result.error, ENOTTY);
        assert_int_equal(metadata_check_probe(reader), -ENOTTY);
        assert_int_equal(metadata_repair_probe(reader), -ENOTTY);

        result = metadata_call(-EBADF, &target, METADATA_CHECK);
        assert_int_equal(result.outcome, OUTCOME_FAILED);
        assert_int_equal(result.error, EBADF);

        /* The kernel is not even asked. */
        target.structure = STRUCTURE_AG_INODES;
        result = metadata_call(-EBADF, &target, METADATA_REPAIR);
        assert_int_equal(result.outcome, OUTCOME_NOT_SUPPORTED);
        assert_int_equal(result.error, EOPNOTSUPP);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_flags),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_structures),
                cmocka_unit_test(test_repairable),
                cmocka_unit_test(test_calls_that_no_kernel_takes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
