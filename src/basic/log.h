/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines with typed fields, to the journal or to standard error.
 *
 * Never blocks: journald's socket is written without waiting, what does not fit is counted
 * (log_dropped()) and said once the journal listens again. A function logs or leaves it to its
 * caller, never both. basic, model, kernel and policy log at debug level only.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

#include "src/basic/macro.h"

typedef enum LogTarget {
        LOG_TARGET_STDERR,
        LOG_TARGET_JOURNAL,
} LogTarget;

/* @identifier is borrowed for the life of the process ("healerd"). */
void log_open(const char *identifier, LogTarget target);
/* Uses the journal if standard error is connected to it (JOURNAL_STREAM) or is no terminal and the
 * socket exists; standard error otherwise. */
void log_open_auto(const char *identifier);
/* Another address than journald's, before log_open(); borrowed. For tests, and for a root folder of one's own. */
void log_set_journal_socket(const char *path);
void log_set_max_level(int level);      /* LOG_ERR … LOG_DEBUG; default LOG_INFO */
/* Lines that could not be handed over since the start. */
uint64_t log_dropped(void);

/* "%m" shows @error (negative or positive errno). Returns -|error|, so that `return log_error_errno(…)` works. */
int log_internal(int level, int error, const char *format, ...) _printf_(3, 4);

#define log_errno(level, error, ...) log_internal(level, error, __VA_ARGS__)
#define log_error_errno(error, ...) log_internal(LOG_ERR, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_internal(LOG_WARNING, error, __VA_ARGS__)
#define log_notice_errno(error, ...) log_internal(LOG_NOTICE, error, __VA_ARGS__)
#define log_debug_errno(error, ...) log_internal(LOG_DEBUG, error, __VA_ARGS__)
#define log_error(...) ((void) log_internal(LOG_ERR, 0, __VA_ARGS__))
#define log_warning(...) ((void) log_internal(LOG_WARNING, 0, __VA_ARGS__))
#define log_notice(...) ((void) log_internal(LOG_NOTICE, 0, __VA_ARGS__))
#define log_info(...) ((void) log_internal(LOG_INFO, 0, __VA_ARGS__))
#define log_debug(...) ((void) log_internal(LOG_DEBUG, 0, __VA_ARGS__))

/* A line with fields: build with log_record_field(), send once, no release needed. Fields that do not
 * fit LOG_RECORD_SIZE are left out and XFS_HEALER_FIELDS_OMITTED says how many. */
#define LOG_RECORD_SIZE 8192
/* Longer messages are cut; an event's text (src/model/health-event.h) fits with room for what stands around it. */
#define LOG_TEXT_SIZE 2048

typedef struct LogRecord {
        int level;
        unsigned n_omitted;
        size_t length;
        char text[LOG_TEXT_SIZE];       /* the message */
        char data[LOG_RECORD_SIZE];     /* fields in journald's native form */
} LogRecord;

/* @message_id: 32 hexadecimal digits out of message-ids.h, or NULL. */
void log_record_begin(LogRecord *record, int level, const char *message_id);
void log_record_field(LogRecord *record, const char *name, const char *format, ...) _printf_(3, 4);
/* Arbitrary bytes as value (file names). */
void log_record_bytes(LogRecord *record, const char *name, const void *bytes, size_t length);
void log_record_send(LogRecord *record, const char *format, ...) _printf_(2, 3);
