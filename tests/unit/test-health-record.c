/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every type in every domain, every bit, and what no kernel knows yet.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "kernel/health-record.h"
#include "kernel/metadata-structures.h"
#include "kernel/xfs-abi.h"
#include "src/basic/macro.h"

typedef struct abi_xfs_health_monitor_event Record;

#define DOMAIN(name) ABI_XFS_HEALTH_MONITOR_DOMAIN_##name
#define TYPE(name) ABI_XFS_HEALTH_MONITOR_TYPE_##name
#define RECORD(domain_name, type_name, ...) { .domain = DOMAIN(domain_name), .type = TYPE(type_name), __VA_ARGS__ }
#define N_DOMAINS (DOMAIN(FILERANGE) + 1)
#define N_TYPES (TYPE(DATALOST) + 1)

static size_t decode(const Record *record, HealthEvent events[static HEALTH_RECORD_EVENTS_MAX]) {
        uint8_t bytes[HEALTH_RECORD_SIZE + 1];
        size_t n;

        /* Not aligned, as in any buffer that somebody else filled. */
        memcpy(bytes + 1, record, HEALTH_RECORD_SIZE);
        memset(events, 0xa5, HEALTH_RECORD_EVENTS_MAX * sizeof(*events));
        n = health_record_decode(bytes + 1, events);
        assert_true(n >= 1 && n <= HEALTH_RECORD_EVENTS_MAX);
        for (size_t i = 0; i < n; i++) {
                assert_memory_equal(events[i].raw, record, HEALTH_RECORD_SIZE);
                assert_int_equal(events[i].raw_domain, record->domain);
                assert_int_equal(events[i].raw_type, record->type);
                assert_true(events[i].time_realtime_nsec == record->time_ns);
                assert_true(events[i].id == 0);
                assert_true(events[i].cause_id == 0);
                assert_true(events[i].filesystem_id == 0);
                assert_true(events[i].received_boottime_usec == 0);
                assert_true(events[i].count >= 1);
                assert_false(events[i].is_test);
        }
        return n;
}

static void test_single_events(void **state) {
        static const struct {
                const char *name;
                Record record;
                HealthEvent event;
        } cases[] = {
                { "running", RECORD(MOUNT, RUNNING),
                  { .kind = EVENT_WATCHING, .domain = DOMAIN_MOUNT, .count = 1 } },
                { "lost", RECORD(MOUNT, LOST, .e.lost.count = 4769),
                  { .kind = EVENT_EVENTS_LOST, .domain = DOMAIN_MOUNT, .count = 4769 } },
                { "lost nothing", RECORD(MOUNT, LOST),
                  { .kind = EVENT_EVENTS_LOST, .domain = DOMAIN_MOUNT, .count = 1 } },
                { "unmount", RECORD(MOUNT, UNMOUNT),
                  { .kind = EVENT_UNMOUNTED, .domain = DOMAIN_MOUNT, .count = 1 } },
                { "shutdown, all reasons", RECORD(MOUNT, SHUTDOWN, .e.shutdown.reasons = 0x3f),
                  { .kind = EVENT_SHUTDOWN, .domain = DOMAIN_MOUNT, .count = 1, .shutdown_reasons = 0x3f } },
                { "shutdown, unknown reason", RECORD(MOUNT, SHUTDOWN, .e.shutdown.reasons = 0x80000040),
                  { .kind = EVENT_SHUTDOWN, .domain = DOMAIN_MOUNT, .count = 1, .shutdown_reasons = 0x80000040 } },
                { "finobt", RECORD(AG, SICK, .time_ns = 7, .e.group = { ABI_XFS_AG_GEOM_SICK_FINOBT, 3 }),
                  { .kind = EVENT_SICK, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_FINOBT, .count = 1, .group = 3,
                    .time_realtime_nsec = 7 } },
                { "scrub found counters", RECORD(FS, CORRUPT, .e.fs.mask = ABI_XFS_FSOP_GEOM_SICK_COUNTERS),
                  { .kind = EVENT_CORRUPT, .domain = DOMAIN_FS, .structure = STRUCTURE_FS_COUNTERS, .count = 1 } },
                { "healed rtgroup", RECORD(RTGROUP, HEALTHY, .e.group = { ABI_XFS_RTGROUP_GEOM_SICK_BITMAP, 9 }),
                  { .kind = EVENT_HEALTHY, .domain = DOMAIN_RTGROUP, .structure = STRUCTURE_RTGROUP_BITMAP, .count = 1,
                    .group = 9 } },
                { "directory", RECORD(INODE, SICK, .e.inode = { ABI_XFS_BS_SICK_DIR, 5, 133 }),
                  { .kind = EVENT_SICK, .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_DIRECTORY, .count = 1,
                    .inode = 133, .generation = 5 } },
                { "unreadable core", RECORD(INODE, SICK, .e.inode = { ABI_XFS_BS_SICK_INODE, 0, UINT64_MAX }),
                  { .kind = EVENT_SICK, .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_CORE, .count = 1,
                    .inode = UINT64_MAX } },
                { "empty mask", RECORD(INODE, HEALTHY, .e.inode = { 0, 5, 133 }),
                  { .kind = EVENT_HEALTHY, .domain = DOMAIN_INODE, .count = 1, .inode = 133, .generation = 5 } },
                { "unknown bits only", RECORD(AG, CORRUPT, .e.group = { 0xc0000800, 1 }),
                  { .kind = EVENT_CORRUPT, .domain = DOMAIN_AG, .structure = STRUCTURE_UNRECOGNISED, .count = 1,
                    .unknown_bits = 0xc0000800, .group = 1 } },
                { "data device", RECORD(DATADEV, MEDIA_ERROR, .e.media = { 4096, 8 }),
                  { .kind = EVENT_MEDIA_ERROR, .domain = DOMAIN_DATADEV, .count = 1, .device_block = 4096,
                    .device_block_count = 8 } },
                { "log device", RECORD(LOGDEV, MEDIA_ERROR, .e.media = { 1, 2 }),
                  { .kind = EVENT_MEDIA_ERROR, .domain = DOMAIN_LOGDEV, .count = 1, .device_block = 1,
                    .device_block_count = 2 } },
                { "real-time device", RECORD(RTDEV, MEDIA_ERROR, .e.media = { 1, 2 }),
                  { .kind = EVENT_MEDIA_ERROR, .domain = DOMAIN_RTDEV, .count = 1, .device_block = 1,
                    .device_block_count = 2 } },
                { "buffered read", RECORD(FILERANGE, BUFREAD, .e.filerange = { 8192, 4096, 133, 5, 5 }),
                  { .kind = EVENT_READ_ERROR, .domain = DOMAIN_FILERANGE, .count = 1, .inode = 133, .generation = 5,
                    .position_bytes = 8192, .length_bytes = 4096, .error = 5, .io_path = IO_PATH_BUFFERED } },
                { "buffered write", RECORD(FILERANGE, BUFWRITE, .e.filerange = { 0, 0, 133, 5, 28 }),
                  { .kind = EVENT_WRITE_ERROR, .domain = DOMAIN_FILERANGE, .count = 1, .inode = 133, .generation = 5,
                    .error = 28, .io_path = IO_PATH_BUFFERED } },
                { "direct read", RECORD(FILERANGE, DIOREAD, .e.filerange = { 0, 1, 2, 3, 61 }),
                  { .kind = EVENT_READ_ERROR, .domain = DOMAIN_FILERANGE, .count = 1, .inode = 2, .generation = 3,
                    .length_bytes = 1, .error = 61, .io_path = IO_PATH_DIRECT } },
                { "direct write", RECORD(FILERANGE, DIOWRITE, .e.filerange = { 0, 1, 2, 3, 5 }),
                  { .kind = EVENT_WRITE_ERROR, .domain = DOMAIN_FILERANGE, .count = 1, .inode = 2, .generation = 3,
                    .length_bytes = 1, .error = 5, .io_path = IO_PATH_DIRECT } },
                { "lost data", RECORD(FILERANGE, DATALOST, .e.filerange = { 0, 1, 2, 3, 5 }),
                  { .kind = EVENT_DATA_LOST, .domain = DOMAIN_FILERANGE, .count = 1, .inode = 2, .generation = 3,
                    .length_bytes = 1, .error = 5, .io_path = IO_PATH_MEDIA } },
                { "no errno", RECORD(FILERANGE, BUFREAD, .e.filerange = { 0, 1, 2, 3, UINT32_MAX }),
                  { .kind = EVENT_READ_ERROR, .domain = DOMAIN_FILERANGE, .count = 1, .inode = 2, .generation = 3,
                    .length_bytes = 1, .io_path = IO_PATH_BUFFERED } },
                { "type of the future", { .domain = DOMAIN(AG), .type = N_TYPES, .e.group = { 1, 1 } },
                  { .kind = EVENT_UNRECOGNISED, .domain = DOMAIN_AG, .count = 1 } },
                { "domain of the future", { .domain = N_DOMAINS, .type = TYPE(SICK), .e.group = { 1, 1 } },
                  { .kind = EVENT_UNRECOGNISED, .domain = DOMAIN_UNRECOGNISED, .count = 1 } },
                { "all ones", { .domain = UINT32_MAX, .type = UINT32_MAX, .time_ns = UINT64_MAX },
                  { .kind = EVENT_UNRECOGNISED, .domain = DOMAIN_UNRECOGNISED, .count = 1,
                    .time_realtime_nsec = UINT64_MAX } },
        };
        HealthEvent events[HEALTH_RECORD_EVENTS_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                HealthEvent expected = cases[i].event;

                print_message("%s\n", cases[i].name);
                assert_int_equal(decode(&cases[i].record, events), 1);
                memcpy(expected.raw, &cases[i].record, sizeof(expected.raw));
                expected.raw_domain = cases[i].record.domain;
                expected.raw_type = cases[i].record.type;
                expected.time_realtime_nsec = cases[i].record.time_ns;

                assert_int_equal(events[0].kind, expected.kind);
                assert_int_equal(events[0].domain, expected.domain);
                assert_int_equal(events[0].structure, expected.structure);
                assert_int_equal(events[0].unknown_bits, expected.unknown_bits);
                assert_true(events[0].count == expected.count);
                assert_int_equal(events[0].group, expected.group);
                assert_true(events[0].inode == expected.inode);
                assert_int_equal(events[0].generation, expected.generation);
                assert_int_equal(events[0].shutdown_reasons, expected.shutdown_reasons);
                assert_true(events[0].device_block == expected.device_block);
                assert_true(events[0].device_block_count == expected.device_block_count);
                assert_true(events[0].position_bytes == expected.position_bytes);
                assert_true(events[0].length_bytes == expected.length_bytes);
                assert_int_equal(events[0].error, expected.error);
                assert_int_equal(events[0].io_path, expected.io_path);
        }
}

/* Which pairs the kernel has; every other one is kept as it is. */
static bool is_valid_pair(uint32_t domain, uint32_t type) {
        switch (domain) {
        case DOMAIN(MOUNT):
                return type == TYPE(RUNNING) || type == TYPE(LOST) || type == TYPE(UNMOUNT) || type == TYPE(SHUTDOWN);
        case DOMAIN(FS):
        case DOMAIN(AG):
        case DOMAIN(INODE):
        case DOMAIN(RTGROUP):
                return type == TYPE(SICK) || type == TYPE(CORRUPT) || type == TYPE(HEALTHY);
        case DOMAIN(DATADEV):
        case DOMAIN(RTDEV):
        case DOMAIN(LOGDEV):
                return type == TYPE(MEDIA_ERROR);
        case DOMAIN(FILERANGE):
                return type >= TYPE(BUFREAD) && type <= TYPE(DATALOST);
        }
        return false;
}

static void test_pairs(void **state) {
        HealthEvent events[HEALTH_RECORD_EVENTS_MAX];
        unsigned n_valid = 0;

        (void) state;
        for (uint32_t domain = 0; domain <= N_DOMAINS; domain++)
                for (uint32_t type = 0; type <= N_TYPES; type++) {
                        Record record = { .domain = domain, .type = type, .e.inode.mask = 1 };
                        bool is_valid = is_valid_pair(domain, type);

                        assert_int_equal(decode(&record, events), 1);
                        assert_int_equal(events[0].kind != EVENT_UNRECOGNISED, is_valid);
                        assert_int_equal(events[0].domain == DOMAIN_UNRECOGNISED, domain == N_DOMAINS);
                        n_valid += is_valid;
                }
        assert_int_equal(n_valid, 4 + 4 * 3 + 3 + 5);
}

static const struct {
        EventDomain domain;
        uint32_t raw;
        unsigned n_structures;
} mask_domains[] = {
        { DOMAIN_FS, DOMAIN(FS), 10 },
        { DOMAIN_AG, DOMAIN(AG), 11 },
        { DOMAIN_RTGROUP, DOMAIN(RTGROUP), 5 },
        { DOMAIN_INODE, DOMAIN(INODE), 9 },
};

static void test_every_bit(void **state) {
        HealthEvent events[HEALTH_RECORD_EVENTS_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(mask_domains); i++)
                for (unsigned bit = 0; bit < 32; bit++) {
                        Record record = {
                                .domain = mask_domains[i].raw,
                                .type = TYPE(SICK),
                                .e.inode = { UINT32_C(1) << bit, 7, 8 },
                        };

                        assert_int_equal(decode(&record, events), 1);
                        assert_int_equal(events[0].domain, mask_domains[i].domain);
                        if (bit < mask_domains[i].n_structures) {
                                /* The words of the kernel's bits are in the order of the vocabulary. */
                                assert_int_equal(structure_domain(events[0].structure), mask_domains[i].domain);
                                assert_int_equal(events[0].unknown_bits, 0);
                        } else {
                                assert_int_equal(events[0].structure, STRUCTURE_UNRECOGNISED);
                                assert_int_equal(events[0].unknown_bits, UINT32_C(1) << bit);
                        }
                }
}

static void test_many_bits(void **state) {
        HealthEvent events[HEALTH_RECORD_EVENTS_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(mask_domains); i++) {
                Record record = {
                        .domain = mask_domains[i].raw,
                        .type = TYPE(CORRUPT),
                        .e.inode = { UINT32_MAX, 7, 8 },
                };
                unsigned n_known = mask_domains[i].n_structures;

                assert_int_equal(decode(&record, events), n_known + 1);
                for (unsigned j = 0; j < n_known; j++) {
                        assert_int_equal(events[j].kind, EVENT_CORRUPT);
                        assert_int_equal(structure_domain(events[j].structure), mask_domains[i].domain);
                        assert_int_equal(events[j].unknown_bits, 0);
                        if (j > 0)
                                assert_true(events[j].structure > events[j - 1].structure);
                }
                assert_int_equal(events[n_known].kind, EVENT_CORRUPT);
                assert_int_equal(events[n_known].structure, STRUCTURE_UNRECOGNISED);
                assert_int_equal(events[n_known].unknown_bits, UINT32_MAX << n_known);
                if (mask_domains[i].domain == DOMAIN_INODE) {
                        assert_true(events[n_known].inode == 8);
                        assert_int_equal(events[n_known].generation, 7);
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_single_events),
                cmocka_unit_test(test_pairs),
                cmocka_unit_test(test_every_bit),
                cmocka_unit_test(test_many_bits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
