/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that is killed leaves its stores in program order, because another one reads them only after its end: what
 * is needed is that the compiler keeps the order (publish()), no barrier of the processor.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/health-monitor.h"
#include "kernel/health-record.h"
#include "kernel/xfs-abi.h"
#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/source/record-ring.h"

#define RING_MAGIC UINT64_C(0x31474e49524c4148)
#define RING_VERSION 2

/* Linux 6.3; older kernels say EINVAL. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define LANDING_RECORDS (HEALTH_MONITOR_READ_BYTES / HEALTH_RECORD_SIZE)

typedef struct RingSlot {
        uint64_t sequence;              /* 0: free. Set last, cleared first. */
        uint64_t monitor_number;
        uint64_t count;
        uint64_t received_boottime_usec;
        uint32_t n_holders;
        uint8_t event_index;            /* of the events that the record holds */
        uint8_t n_replays;
        uint8_t is_told;
        uint8_t pad;
        uint8_t record[HEALTH_RECORD_SIZE];
} RingSlot;

/* A read that may not be committed yet; valid while @monitor_number is set. A record has landed where its time is not
 * 0. */
typedef struct RingLanding {
        uint64_t monitor_number;
        uint64_t first_sequence;
        RingMonitor before;
} RingLanding;

/* An absorption that may be half done. */
typedef struct RingMerge {
        uint64_t is_going_on;
        uint64_t into, from;            /* slots */
        uint64_t count;
} RingMerge;

typedef struct RingHeader {
        uint64_t magic;
        uint32_t version;
        uint32_t n_slots;
        uint64_t next_sequence;
        uint64_t next_number;
        uint64_t n_slots_touched;       /* slots and monitors beyond these were never used: their pages do not exist */
        uint64_t n_monitors_touched;
        RingLanding landing;
        RingMerge merge;
} RingHeader;

typedef struct RingLayout {
        RingHeader header __attribute__((__aligned__(4096)));
        uint8_t landing[HEALTH_MONITOR_READ_BYTES] __attribute__((__aligned__(4096)));
        RingMonitor monitors[RECORD_RING_MONITORS] __attribute__((__aligned__(4096)));
        RingSlot slots[RECORD_RING_SLOTS] __attribute__((__aligned__(4096)));
} RingLayout;

struct RecordRing {
        int fd;
        RingLayout *map;
        size_t n_used;
        size_t n_free;                  /* given back; the last one given back is used first, so few pages are
                                         * touched */
        uint32_t free_slots[RECORD_RING_SLOTS];
        size_t n_read;                  /* records in the landing */
        uint32_t next[RECORD_RING_SLOTS];       /* in its queue; slot + 1 */
};

/* Everything stored before this is stored. */
static void publish(uint64_t *where, uint64_t value) {
        __atomic_store_n(where, value, __ATOMIC_RELEASE);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static uint64_t record_time(const uint8_t *record) {
        struct abi_xfs_health_monitor_event event;

        memcpy(&event, record, sizeof(event));
        return event.time_ns;
}

static RingSlot *slot_of(const RecordRing *ring, uint64_t kept_as) {
        return ring && kept_as > 0 && kept_as <= RECORD_RING_SLOTS ? ring->map->slots + (kept_as - 1) : NULL;
}

static size_t n_room(const RecordRing *ring) {
        return RECORD_RING_SLOTS - ring->n_used;
}

static RingSlot *slot_take(RecordRing *ring) {
        RingHeader *header = &ring->map->header;

        if (ring->n_free > 0) {
                ring->n_used++;
                return ring->map->slots + ring->free_slots[--ring->n_free];
        }
        if (header->n_slots_touched >= RECORD_RING_SLOTS)
                return NULL;
        ring->n_used++;
        publish(&header->n_slots_touched, header->n_slots_touched + 1);
        return ring->map->slots + header->n_slots_touched - 1;
}

static void slot_give_back(RecordRing *ring, RingSlot *slot) {
        publish(&slot->sequence, 0);
        ring->free_slots[ring->n_free++] = (uint32_t) (slot - ring->map->slots);
        ring->n_used--;
}

static RingSlot *slot_fill(RecordRing *ring, const RingMonitor *monitor, uint64_t sequence, const uint8_t *record,
                           size_t event_index, uint64_t count) {
        RingSlot *slot = slot_take(ring);

        if (!slot)
                return NULL;
        slot->monitor_number = monitor->number;
        slot->count = count;
        slot->received_boottime_usec = clock_boottime_usec();
        slot->n_holders = 1;
        slot->event_index = (uint8_t) event_index;
        slot->n_replays = 0;
        slot->is_told = false;
        memcpy(slot->record, record, HEALTH_RECORD_SIZE);
        publish(&slot->sequence, sequence);
        return slot;
}

static void slot_event(const RecordRing *ring, const RingSlot *slot, HealthEvent *ret_event) {
        HealthEvent events[HEALTH_RECORD_EVENTS_MAX];
        size_t n;

        n = health_record_decode(slot->record, events);
        *ret_event = events[slot->event_index < n ? slot->event_index : 0];
        ret_event->count = slot->count;
        ret_event->received_boottime_usec = slot->received_boottime_usec;
        ret_event->is_repeated = slot->is_told;
        ret_event->kept_as = (uint64_t) (slot - ring->map->slots) + 1;
}

static RingSlot *find_sequence(RecordRing *ring, uint64_t sequence) {
        for (size_t i = 0; i < ring->map->header.n_slots_touched; i++)
                if (ring->map->slots[i].sequence == sequence)
                        return ring->map->slots + i;
        return NULL;
}

static RingMonitor *find_monitor(RecordRing *ring, uint64_t number) {
        for (size_t i = 0; i < ring->map->header.n_monitors_touched; i++)
                if (ring->map->monitors[i].number == number)
                        return ring->map->monitors + i;
        return NULL;
}

/* What was told already, by an earlier look at fdinfo, is not told again. Returns how many are left to tell. */
static uint64_t account_lost(RingMonitor *account, uint64_t n) {
        uint64_t n_left;

        account->n_lost_by_records += n;
        if (account->n_lost_by_records <= account->n_lost)
                return 0;
        n_left = account->n_lost_by_records - account->n_lost;
        account->n_lost = account->n_lost_by_records;
        return n_left;
}

static void queue_append(RecordRing *ring, RingQueue *queue, const RingSlot *slot) {
        uint32_t number = (uint32_t) (slot - ring->map->slots) + 1;

        ring->next[number - 1] = 0;
        if (queue->last)
                ring->next[queue->last - 1] = number;
        else
                queue->first = number;
        queue->last = number;
}

/* @queue: NULL after a process that may have stored a part of these. */
static void commit_record(RecordRing *ring, RingMonitor *account, const uint8_t *record, uint64_t first_sequence,
                          RingQueue *queue) {
        HealthEvent events[HEALTH_RECORD_EVENTS_MAX];
        size_t n = health_record_decode(record, events);

        account->n_records++;
        for (size_t i = 0; i < n; i++) {
                RingSlot *slot;

                if (events[i].kind == EVENT_EVENTS_LOST) {
                        events[i].count = account_lost(account, events[i].count);
                        if (events[i].count == 0)
                                continue;
                }
                if (!queue && find_sequence(ring, first_sequence + i))
                        continue;
                slot = slot_fill(ring, account, first_sequence + i, record, i, events[i].count);
                if (slot && queue)
                        queue_append(ring, queue, slot);
        }
}

/* May be done again from the beginning at any point: sequences, account and events follow from what has landed. */
static void commit(RecordRing *ring, size_t n_records, RingQueue *queue) {
        RingHeader *header = &ring->map->header;
        RingLanding *landing = &header->landing;
        RingMonitor account = landing->before, *monitor = find_monitor(ring, landing->monitor_number);
        uint64_t sequence = landing->first_sequence;

        for (size_t i = 0; i < n_records; i++, sequence += HEALTH_RECORD_EVENTS_MAX)
                commit_record(ring, &account, ring->map->landing + i * HEALTH_RECORD_SIZE, sequence, queue);

        if (monitor) {
                monitor->n_lost_by_records = account.n_lost_by_records;
                monitor->n_lost = account.n_lost;
                monitor->n_records = account.n_records;
        }
        header->next_sequence = max_of(header->next_sequence, sequence);
        publish(&landing->monitor_number, 0);
}

ssize_t record_ring_read(RecordRing *ring, RingMonitor *monitor, int fd, size_t size_bytes) {
        RingHeader *header = &ring->map->header;
        size_t n_records = min_of(n_room(ring) / HEALTH_RECORD_EVENTS_MAX, size_bytes / HEALTH_RECORD_SIZE);
        ssize_t n;

        if (n_records < HEALTH_MONITOR_FIRST_READ_BYTES / HEALTH_RECORD_SIZE)
                return -ENOBUFS;

        memset(ring->map->landing, 0, ring->n_read * HEALTH_RECORD_SIZE);
        ring->n_read = 0;
        header->landing.before = *monitor;
        header->landing.first_sequence = header->next_sequence;
        publish(&header->landing.monitor_number, monitor->number);

        n = health_monitor_read(fd, ring->map->landing, n_records * HEALTH_RECORD_SIZE);
        if (n > 0)
                ring->n_read = (size_t) n / HEALTH_RECORD_SIZE;
        else
                publish(&header->landing.monitor_number, 0);
        return n;
}

void record_ring_commit(RecordRing *ring, RingQueue *queue) {
        commit(ring, ring->n_read, queue);
}

bool record_ring_queue_is_empty(const RingQueue *queue) {
        return queue->first == 0;
}

bool record_ring_next(RecordRing *ring, RingQueue *queue, HealthEvent *ret_event) {
        uint32_t number = queue->first;

        if (number == 0)
                return false;
        queue->first = ring->next[number - 1];
        if (queue->first == 0)
                queue->last = 0;
        slot_event(ring, ring->map->slots + (number - 1), ret_event);
        return true;
}

const uint8_t *record_ring_landing(const RecordRing *ring) {
        return ring->map->landing;
}

void record_ring_lose(RecordRing *ring, RingMonitor *monitor, uint64_t n_lost_total, RingQueue *queue) {
        struct abi_xfs_health_monitor_event record = {
                .domain = ABI_XFS_HEALTH_MONITOR_DOMAIN_MOUNT,
                .type = ABI_XFS_HEALTH_MONITOR_TYPE_LOST,
                .time_ns = clock_realtime_usec() * NSEC_PER_USEC,
        };
        RingHeader *header = &ring->map->header;
        RingSlot *slot;

        if (n_lost_total <= monitor->n_lost)
                return;
        record.e.lost.count = n_lost_total - monitor->n_lost;

        publish(&header->next_sequence, header->next_sequence + 1);
        slot = slot_fill(ring, monitor, header->next_sequence - 1, (const uint8_t *) &record, 0, record.e.lost.count);
        if (!slot)
                return; /* told when there is room again */
        publish(&monitor->n_lost, n_lost_total);
        queue_append(ring, queue, slot);
}

void record_ring_hold(RecordRing *ring, uint64_t kept_as) {
        RingSlot *slot = slot_of(ring, kept_as);

        if (slot)
                slot->n_holders++;
}

void record_ring_release(RecordRing *ring, uint64_t kept_as) {
        RingSlot *slot = slot_of(ring, kept_as);

        if (slot && slot->sequence != 0 && --slot->n_holders == 0)
                slot_give_back(ring, slot);
}

void record_ring_mark_told(RecordRing *ring, uint64_t kept_as) {
        RingSlot *slot = slot_of(ring, kept_as);

        if (slot)
                slot->is_told = true;
}

static void merge_finish(RecordRing *ring) {
        RingMerge *merge = &ring->map->header.merge;
        RingSlot *into = slot_of(ring, merge->into), *from = slot_of(ring, merge->from);

        if (into)
                into->count = merge->count;
        if (from)
                publish(&from->sequence, 0);
        publish(&merge->is_going_on, 0);
}

void record_ring_absorb(RecordRing *ring, uint64_t into, uint64_t from) {
        RingSlot *to = slot_of(ring, into), *slot = slot_of(ring, from);

        if (!slot || to == slot)
                return;
        if (!to) {
                record_ring_release(ring, from);
                return;
        }

        ring->map->header.merge.into = into;
        ring->map->header.merge.from = from;
        ring->map->header.merge.count = to->count + slot->count;
        publish(&ring->map->header.merge.is_going_on, 1);
        merge_finish(ring);
        ring->free_slots[ring->n_free++] = (uint32_t) (slot - ring->map->slots);
        ring->n_used--;
}

static int compare_slots(const void *a, const void *b) {
        const RingSlot *const *left = a, *const *right = b;

        return ((*left)->sequence > (*right)->sequence) - ((*left)->sequence < (*right)->sequence);
}

size_t record_ring_replay(RecordRing *ring, const RingMonitor *monitor,
                          void (*take)(void *userdata, const HealthEvent *event), void *userdata,
                          size_t *ret_n_given_up) {
        _cleanup_(free_at) RingSlot **left = calloc(ring->n_used + 1, sizeof(*left));
        size_t n = 0, n_given_up = 0;

        for (size_t i = 0; left && i < ring->map->header.n_slots_touched; i++) {
                RingSlot *slot = ring->map->slots + i;

                if (slot->sequence == 0 || slot->monitor_number != monitor->number)
                        continue;
                if (slot->n_replays >= RECORD_RING_REPLAYS_MAX) {
                        slot_give_back(ring, slot);
                        n_given_up++;
                        continue;
                }
                left[n++] = slot;
        }

        if (n > 0)
                qsort(left, n, sizeof(*left), compare_slots);
        for (size_t i = 0; i < n; i++) {
                left[i]->n_replays++;
                left[i]->n_holders = 1;
        }
        for (size_t i = 0; i < n; i++) {
                HealthEvent event;

                slot_event(ring, left[i], &event);
                take(userdata, &event);
        }

        *ret_n_given_up = n_given_up;
        return n;
}

int record_ring_add_monitor(RecordRing *ring, uint64_t number, dev_t device_number, RingMonitor **ret_monitor) {
        RingHeader *header = &ring->map->header;
        RingMonitor *monitor = number != 0 ? find_monitor(ring, number) : NULL;

        if (monitor) {
                *ret_monitor = monitor;
                return 0;
        }

        monitor = find_monitor(ring, 0);
        if (!monitor) {
                if (header->n_monitors_touched >= RECORD_RING_MONITORS)
                        return -ENOBUFS;
                monitor = ring->map->monitors + header->n_monitors_touched;
        }

        if (number == 0)
                number = header->next_number;
        header->next_number = max_of(header->next_number, number + 1);
        *monitor = (RingMonitor) { .device_number = device_number };
        publish(&monitor->number, number);
        if (monitor == ring->map->monitors + header->n_monitors_touched)
                publish(&header->n_monitors_touched, header->n_monitors_touched + 1);
        *ret_monitor = monitor;
        return 0;
}

void record_ring_set_survey_due(RingMonitor *monitor, uint64_t depth) {
        publish(&monitor->survey_due, depth);
}

/* What has no account any more. */
static size_t give_back_orphans(RecordRing *ring) {
        size_t n = 0;

        for (size_t i = 0; ring->n_used > 0 && i < ring->map->header.n_slots_touched; i++) {
                RingSlot *slot = ring->map->slots + i;

                /* No account has the number 0, however many are free. */
                if (slot->sequence == 0 || (slot->monitor_number != 0 && find_monitor(ring, slot->monitor_number)))
                        continue;
                slot_give_back(ring, slot);
                n++;
        }
        return n;
}

void record_ring_remove_monitor(RecordRing *ring, RingMonitor *monitor) {
        publish(&monitor->number, 0);
        (void) give_back_orphans(ring);
}

size_t record_ring_keep_only(RecordRing *ring, const uint64_t *numbers, size_t n_numbers) {
        for (size_t i = 0; i < ring->map->header.n_monitors_touched; i++) {
                RingMonitor *monitor = ring->map->monitors + i;
                bool is_listed = false;

                for (size_t j = 0; j < n_numbers; j++)
                        is_listed |= numbers[j] == monitor->number;
                if (!is_listed)
                        publish(&monitor->number, 0);
        }
        return give_back_orphans(ring);
}

int record_ring_fd(const RecordRing *ring) {
        return ring->fd;
}

size_t record_ring_count(const RecordRing *ring) {
        return ring->n_used;
}

/* Takes the descriptor. */
static int ring_map(int fd, RecordRing **ret_ring) {
        _cleanup_(close_fd_at) int owned = fd;
        RecordRing *ring;
        void *map;

        map = mmap(NULL, sizeof(RingLayout), PROT_READ|PROT_WRITE, MAP_SHARED, owned, 0);
        if (map == MAP_FAILED)
                return negative_errno();
        ring = calloc(1, sizeof(*ring));
        if (!ring) {
                (void) munmap(map, sizeof(RingLayout));
                return -ENOMEM;
        }
        ring->map = map;
        ring->fd = steal_fd(&owned);
        *ret_ring = ring;
        return 0;
}

int record_ring_new(RecordRing **ret_ring) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        int r;

        fd = memfd_create("healerd-records", MFD_CLOEXEC|MFD_ALLOW_SEALING|MFD_NOEXEC_SEAL);
        if (fd < 0 && errno == EINVAL)
                fd = memfd_create("healerd-records", MFD_CLOEXEC|MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        if (ftruncate(fd, sizeof(RingLayout)) < 0)
                return -errno;
        /* Nobody can make it shorter under us. */
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW) < 0)
                return -errno;

        r = ring_map(steal_fd(&fd), ret_ring);
        if (r < 0)
                return r;
        (*ret_ring)->map->header.version = RING_VERSION;
        (*ret_ring)->map->header.n_slots = RECORD_RING_SLOTS;
        (*ret_ring)->map->header.next_sequence = 1;
        (*ret_ring)->map->header.next_number = 1;
        publish(&(*ret_ring)->map->header.magic, RING_MAGIC);
        return 0;
}

/* Finishes what the process before us was about. */
static void recover(RecordRing *ring) {
        RingHeader *header = &ring->map->header;
        size_t n = 0;

        if (header->merge.is_going_on)
                merge_finish(ring);
        for (size_t i = 0; i < header->n_slots_touched; i++)
                if (ring->map->slots[i].sequence != 0)
                        ring->n_used++;
                else
                        ring->free_slots[ring->n_free++] = (uint32_t) i;

        while (n < LANDING_RECORDS && record_time(ring->map->landing + n * HEALTH_RECORD_SIZE) != 0)
                n++;
        if (header->landing.monitor_number != 0)
                commit(ring, n, NULL);
        memset(ring->map->landing, 0, sizeof(ring->map->landing));
}

/* A number that is given to one thing after the other: 0 is none, and what comes after it must not be 0 either. */
static bool is_serial(uint64_t number) {
        return number > 0 && number <= INT64_MAX;
}

static int check_layout(const RingHeader *header) {
        if (header->magic != RING_MAGIC)
                return -EBADMSG;
        if (header->version != RING_VERSION || header->n_slots != RECORD_RING_SLOTS)
                return -EPROTONOSUPPORT;
        if (header->n_slots_touched > RECORD_RING_SLOTS || header->n_monitors_touched > RECORD_RING_MONITORS)
                return -EBADMSG;
        if (!is_serial(header->next_sequence) || !is_serial(header->next_number) ||
            (header->landing.monitor_number != 0 && !is_serial(header->landing.first_sequence)))
                return -EBADMSG;
        return 0;
}

int record_ring_open(int fd, RecordRing **ret_ring) {
        _cleanup_(close_fd_at) int owned = fd;
        _cleanup_(record_ring_free_at) RecordRing *ring = NULL;
        struct stat status;
        int r, seals;

        if (fstat(owned, &status) < 0)
                return -errno;
        seals = fcntl(owned, F_GET_SEALS);
        if (seals < 0 || !(seals & F_SEAL_SHRINK))
                return -EBADMSG;
        if (status.st_size != (off_t) sizeof(RingLayout))
                return -EPROTONOSUPPORT;

        r = ring_map(steal_fd(&owned), &ring);
        if (r < 0)
                return r;
        r = check_layout(&ring->map->header);
        if (r < 0)
                return r;

        recover(ring);
        *ret_ring = steal_ptr(ring);
        return 0;
}

RecordRing *record_ring_free(RecordRing *ring) {
        if (!ring)
                return NULL;
        (void) munmap(ring->map, sizeof(*ring->map));
        close_fd(ring->fd);
        free(ring);
        return NULL;
}
