/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors that systemd keeps for us while no healerd runs: every monitor, so that the kernel goes on queueing for
 * us and nobody else takes the one place that there is, and the ring of what was read. Never a mount: that would keep
 * it busy.
 *
 * One name per monitor, "hm-MAJOR-MINOR-NUMBER", because systemd removes all descriptors of a name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct StoredMonitor {
        int fd;
        dev_t device_number;
        uint64_t number;
        bool is_alive;
} StoredMonitor;

/* An error watch: "fe-MAJOR-MINOR". The kernel has one queue for each, and a new one takes the name of one that
 * ended. */
typedef struct StoredErrorWatch {
        int fd;
        dev_t device_number;
        bool is_alive;
} StoredErrorWatch;

typedef struct StoredDescriptors {
        int ring_fd;                    /* -EBADF: none */
        StoredMonitor *monitors;        /* those that ended come first: a living one may have the device number of one
                                         * of them */
        size_t n_monitors;
        StoredErrorWatch *error_watches;
        size_t n_error_watches;
} StoredDescriptors;

/**
 * descriptor_store_take() - what an earlier healerd left
 *
 * What is none of ours is closed and removed from the store. Without systemd there is nothing. Returns 0 or a negative
 * errno.
 */
int descriptor_store_take(StoredDescriptors *ret_stored);
/* Closes what was not taken out (fd set to -EBADF). */
void descriptor_store_done(StoredDescriptors *stored);

/* None of these fails for the caller: without the store healerd works, only a restart loses something. Said once. */
void descriptor_store_keep_monitor(dev_t device_number, uint64_t number, int fd);
void descriptor_store_forget_monitor(dev_t device_number, uint64_t number);
/* Takes the place of the one before it. */
void descriptor_store_keep_error_watch(dev_t device_number, int fd);
void descriptor_store_forget_error_watch(dev_t device_number);
void descriptor_store_keep_ring(int fd);
void descriptor_store_forget_ring(void);
