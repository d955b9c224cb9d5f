/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever an earlier healerd, or a torn update, left in the ring that systemd kept: it is refused, or it is replayed
 * and emptied without a fault. The input is a list of changes to a good ring, 8 bytes each: area, index, byte, how it
 * is changed, value.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/macro.h"
#include "src/model/health-event.h"
#include "src/source/record-ring.h"
#include "tests/fuzz/fuzz-target.h"

/* More changes than matter at once. */
#define CHANGES_MAX 256
#define KEPT_MAX 512

typedef struct Change {
        uint8_t area, index, byte, width;
        uint32_t value;
} Change;

typedef struct Kept {
        RecordRing *ring;
        uint64_t slots[KEPT_MAX];
        size_t n;
} Kept;

/* Pages of the ring: the header, the landing, the accounts, and the slots at the end. */
static size_t place_of(const Change *change, size_t size_bytes) {
        const size_t slot_bytes = 104, header_bytes = 4096;
        const struct {
                size_t start, step;
        } areas[] = {
                { 0, 8 },
                { header_bytes, HEALTH_RECORD_SIZE },
                { header_bytes + 65536, sizeof(RingMonitor) },
                { size_bytes - RECORD_RING_SLOTS * slot_bytes, slot_bytes },
        };
        size_t area = change->area % ELEMENTSOF(areas);

        return (areas[area].start + change->index * areas[area].step + change->byte) % (size_bytes - sizeof(uint64_t));
}

static void apply(uint8_t *map, size_t size_bytes, const uint8_t *data, size_t size) {
        Change change;

        for (size_t n = 0; n < CHANGES_MAX && size >= sizeof(change);
             n++, data += sizeof(change), size -= sizeof(change)) {
                uint64_t value;

                memcpy(&change, data, sizeof(change));
                value = change.width & 0x80 ? UINT64_MAX - change.value : change.value;
                memcpy(map + place_of(&change, size_bytes), &value, (size_t) 1 << (change.width & 3));
        }
}

static void on_event(void *userdata, const HealthEvent *event) {
        Kept *kept = userdata;

        require(event_kind_to_name(event->kind) && event_domain_to_name(event->domain) &&
                event->structure < N_STRUCTURES);
        if (kept->n < KEPT_MAX)
                kept->slots[kept->n++] = event->kept_as;
}

static void use(RecordRing *ring) {
        static const uint64_t numbers[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
        size_t n_before = record_ring_count(ring);

        require(n_before <= RECORD_RING_SLOTS);
        require(record_ring_keep_only(ring, numbers, ELEMENTSOF(numbers)) <= n_before);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                Kept kept = { .ring = ring };
                RingMonitor *account;
                size_t n_given_up;

                if (record_ring_add_monitor(ring, numbers[i], 1, &account) < 0)
                        continue;
                (void) record_ring_replay(ring, account, on_event, &kept, &n_given_up);
                for (size_t k = 0; k < kept.n; k++)
                        if (k % 3 == 2)
                                record_ring_absorb(ring, kept.slots[k - 1], kept.slots[k]);
                        else
                                record_ring_mark_told(ring, kept.slots[k]);
                for (size_t k = 0; k < kept.n; k++)
                        if (k % 3 != 2)
                                record_ring_release(ring, kept.slots[k]);
                record_ring_remove_monitor(ring, account);
        }
        /* Nobody's slots are left over: they would fill it for ever. */
        (void) record_ring_keep_only(ring, NULL, 0);
        require(record_ring_count(ring) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(record_ring_free_at) RecordRing *made = NULL, *ring = NULL;
        struct stat status;
        uint8_t *map;
        int fd, r;

        require(record_ring_new(&made) == 0);
        require(fstat(record_ring_fd(made), &status) == 0);
        map = mmap(NULL, (size_t) status.st_size, PROT_READ|PROT_WRITE, MAP_SHARED, record_ring_fd(made), 0);
        require(map != MAP_FAILED);
        apply(map, (size_t) status.st_size, data, size);
        (void) munmap(map, (size_t) status.st_size);

        fd = fcntl(record_ring_fd(made), F_DUPFD_CLOEXEC, 3);
        require(fd >= 0);
        r = record_ring_open(fd, &ring);
        require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
        if (r == 0)
                use(ring);
        return 0;
}
