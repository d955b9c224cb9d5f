/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small questions about processes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* When a process began, in clock ticks since boot: with its number it names a process for ever. Returns 0 or a
 * negative errno. */
int process_start_ticks(pid_t pid, uint64_t *ret_ticks);

typedef struct ProcessStat {
        char state;                     /* 'R', 'S', 'D', …; 'Z': it has ended */
        bool is_kernel_thread;
        uint64_t start_ticks;
} ProcessStat;

/* Returns 0 or a negative errno. */
int process_stat(pid_t pid, ProcessStat *ret_stat);
/* Pure part: the text of /proc/PID/stat. Returns 0 or -EBADMSG. */
int process_stat_parse(const char *text, ProcessStat *ret_stat);
/* True if the process with this number is the one that began then (@ticks 0: any). */
bool process_is_alive(pid_t pid, uint64_t start_ticks);

/* The kernel's number of this boot. Returns 0 or a negative errno. */
int boot_id_read(uint8_t ret_id[static 16]);

/* Logs the other processes of our own control group: children that an earlier worker left behind. */
void process_log_left_over(void);

/* For code in a child: nothing is left to it but its user. Returns 0 or a negative errno. */
int process_drop_capabilities(void);
