/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines in journald's native form: one datagram a line, sent without waiting. libsystemd is not used for
 * it, because sd_journal_send() waits for as long as journald stands still, and with it everything else would.
 *
 * Format: systemd's "Native Journal Protocol": NAME=value and a newline, or for any bytes NAME, a newline, the
 * length as 64-bit little-endian number, the bytes, a newline.
 */
#include <assert.h>
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "src/basic/cleanup.h"
#include "src/basic/log.h"
#include "src/basic/number.h"
#include "src/basic/text.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
/* journald ignores fields with longer names. */
#define FIELD_NAME_MAX_LENGTH 64
/* The fields of every line and its message. */
#define HEAD_SIZE (LOG_TEXT_SIZE + 512)
#define ELLIPSIS "..."

typedef struct Log {
        const char *identifier;
        const char *journal_socket;
        LogTarget target;
        int max_level;
        int journal_fd;
        uint64_t n_dropped;
        uint64_t n_dropped_unsaid;
} Log;

static Log logger = {
        .journal_socket = JOURNAL_SOCKET,
        .target = LOG_TARGET_STDERR,
        .max_level = LOG_INFO,
        .journal_fd = -EBADF,
};

static const char *log_identifier(void) {
        return logger.identifier ? logger.identifier : program_invocation_short_name;
}

/* Fields in native form, as they grow in a fixed buffer. */
typedef struct FieldBuffer {
        char *data;
        size_t size;
        size_t *length;
} FieldBuffer;

static bool field_name_is_valid(const char *name) {
        size_t length = strlen(name);

        /* A leading underscore marks what journald itself vouches for; it drops such fields from others. */
        return length > 0 && length <= FIELD_NAME_MAX_LENGTH && name[0] >= 'A' && name[0] <= 'Z' &&
               strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == length;
}

static bool value_is_plain(const char *value, size_t length) {
        for (size_t i = 0; i < length; i++)
                if ((unsigned char) value[i] < ' ' && value[i] != '\t')
                        return false;

        return true;
}

/* Adds a field whole or not at all. Returns 0, -E2BIG, or -EINVAL for a name that journald would not take. */
static int field_append(FieldBuffer buffer, const char *name, const char *value, size_t value_length) {
        size_t name_length = strlen(name), needed = 1 + value_length + 1;
        bool is_plain = value_is_plain(value, value_length);
        uint64_t wire_length = htole64(value_length);
        char *position = buffer.data + *buffer.length;

        if (!field_name_is_valid(name))
                return -EINVAL;
        if (!is_plain)
                needed += sizeof(wire_length);
        if (value_length >= buffer.size || name_length + needed > buffer.size - *buffer.length)
                return -E2BIG;

        position = mempcpy(position, name, name_length);
        if (is_plain)
                *position++ = '=';
        else {
                *position++ = '\n';
                position = mempcpy(position, &wire_length, sizeof(wire_length));
        }
        if (value_length > 0)
                position = mempcpy(position, value, value_length);
        *position = '\n';
        *buffer.length += name_length + needed;
        return 0;
}

_printf_(3, 4) static void field_append_format(FieldBuffer buffer, const char *name, const char *format, ...) {
        char value[128];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(value, sizeof(value), format, arguments);
        va_end(arguments);
        (void) field_append(buffer, name, value, strlen(value));
}

_printf_(2, 0) static void format_text(char text[static LOG_TEXT_SIZE], const char *format, va_list arguments) {
        int written;

        written = vsnprintf(text, LOG_TEXT_SIZE, format, arguments);
        if (written < 0)
                (void) text_copy(text, LOG_TEXT_SIZE, format); /* better than no line */
        else if (written >= LOG_TEXT_SIZE)
                memcpy(text + LOG_TEXT_SIZE - sizeof(ELLIPSIS), ELLIPSIS, sizeof(ELLIPSIS));
}

/* Returns 0 or a negative errno; never waits. Addressed anew each time, so that a restarted journald is found. */
static int journal_write(struct iovec *parts, size_t n_parts) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct msghdr message = {
                .msg_name = &address,
                .msg_namelen = sizeof(address),
                .msg_iov = parts,
                .msg_iovlen = n_parts,
        };

        if (text_copy(address.sun_path, sizeof(address.sun_path), logger.journal_socket) < 0)
                return -ENAMETOOLONG;
        if (logger.journal_fd < 0)
                logger.journal_fd = socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
        if (logger.journal_fd < 0)
                return -errno;

        for (;;) {
                if (sendmsg(logger.journal_fd, &message, MSG_DONTWAIT|MSG_NOSIGNAL) >= 0)
                        return 0;
                if (errno != EINTR)
                        return -errno;
        }
}

/* @error: ours, 0 for none. @fields: may be NULL. */
static int journal_send(int level, int error, const char *text, const LogRecord *fields) {
        char head[HEAD_SIZE];
        size_t length = 0;
        FieldBuffer buffer = { .data = head, .size = sizeof(head), .length = &length };
        struct iovec parts[2] = { { .iov_base = head } };
        int r;

        field_append_format(buffer, "PRIORITY", "%d", LOG_PRI(level));
        field_append_format(buffer, "SYSLOG_IDENTIFIER", "%s", log_identifier());
        field_append_format(buffer, "SYSLOG_PID", "%ld", (long) getpid());
        if (error != 0)
                field_append_format(buffer, "ERRNO", "%d", error);
        if (fields && fields->n_omitted > 0)
                field_append_format(buffer, "XFS_HEALER_FIELDS_OMITTED", "%u", fields->n_omitted);
        r = field_append(buffer, "MESSAGE", text, strlen(text));
        if (r < 0)
                return r;

        parts[0].iov_len = length;
        if (fields)
                parts[1] = (struct iovec) { .iov_base = (void *) fields->data, .iov_len = fields->length };
        return journal_write(parts, ELEMENTSOF(parts));
}

/*
 * One line, never waiting. The descriptor may be shared with other processes, so that it is not switched to
 * non-blocking mode; what poll() calls writable takes a line of up to PIPE_BUF bytes whole.
 */
static int stderr_send(const char *text) {
        char line[LOG_TEXT_SIZE + 256] = "";
        struct pollfd standard_error = { .fd = STDERR_FILENO, .events = POLLOUT };
        size_t length;
        ssize_t n;

        (void) text_append_format(line, sizeof(line) - 1, "%s: %s", log_identifier(), text);
        length = strlen(line);
        /* One line stays one line, and nobody's file name steers the terminal. */
        for (size_t i = 0; i < length; i++)
                if (iscntrl((unsigned char) line[i]) && line[i] != '\t')
                        line[i] = '?';
        line[length++] = '\n';

        if (poll(&standard_error, 1, 0) < 0)
                return -errno;
        if (!(standard_error.revents & POLLOUT) || (standard_error.revents & (POLLERR|POLLNVAL)))
                return -EAGAIN; /* full, or nobody reads: write() would wait, or raise SIGPIPE */

        n = write(STDERR_FILENO, line, length);
        if (n < 0)
                return -errno;
        return (size_t) n == length ? 0 : -EIO;
}

static int send_line(int level, int error, const char *text, const LogRecord *fields) {
        switch (logger.target) {
        case LOG_TARGET_STDERR:
                return stderr_send(text);
        case LOG_TARGET_JOURNAL:
                return journal_send(level, error, text, fields);
        }

        return -EINVAL;
}

static void say_dropped(void) {
        char notice[LOG_TEXT_SIZE] = "";

        (void) text_append_format(notice, sizeof(notice), "%" PRIu64 " log lines could not be handed over",
                                  logger.n_dropped_unsaid);
        if (send_line(LOG_WARNING, 0, notice, NULL) >= 0)
                logger.n_dropped_unsaid = 0;
}

/*
 * Sends or counts. A gap is said after the first line that went through again, not before it: where journald has
 * room for one line now and then, such lines would take all of it and drop the others.
 */
static void deliver(int level, int error, const char *text, const LogRecord *fields) {
        if (send_line(level, error, text, fields) < 0) {
                logger.n_dropped++;
                logger.n_dropped_unsaid++;
        } else if (logger.n_dropped_unsaid > 0)
                say_dropped();
}

void log_open(const char *identifier, LogTarget target) {
        logger.identifier = identifier;
        logger.target = target;
        /* The socket is made now, while a sandbox or a limit of descriptors is not yet in the way. */
        if (target == LOG_TARGET_JOURNAL && logger.journal_fd < 0)
                logger.journal_fd = socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
}

/* systemd says in JOURNAL_STREAM, "DEVICE:INODE", which stream of ours it connected to the journal. */
static bool stderr_is_journal_stream(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        const char *colon = stream ? strchr(stream, ':') : NULL;
        uint64_t device = 0, inode = 0;
        char device_text[32] = "";
        struct stat status;

        if (!colon || (size_t) (colon - stream) >= sizeof(device_text))
                return false;
        memcpy(device_text, stream, (size_t) (colon - stream));

        return number_parse_u64(device_text, 0, UINT64_MAX, &device) >= 0 &&
               number_parse_u64(colon + 1, 0, UINT64_MAX, &inode) >= 0 &&
               fstat(STDERR_FILENO, &status) >= 0 &&
               (uint64_t) status.st_dev == device && (uint64_t) status.st_ino == inode;
}

void log_open_auto(const char *identifier) {
        bool to_journal = stderr_is_journal_stream() ||
                          (!isatty(STDERR_FILENO) && access(logger.journal_socket, F_OK) >= 0);

        log_open(identifier, to_journal ? LOG_TARGET_JOURNAL : LOG_TARGET_STDERR);
}

void log_set_journal_socket(const char *path) {
        logger.journal_socket = path;
}

void log_set_max_level(int level) {
        logger.max_level = level;
}

uint64_t log_dropped(void) {
        return logger.n_dropped;
}

int log_internal(int level, int error, const char *format, ...) {
        char text[LOG_TEXT_SIZE];
        int saved = errno, positive = error < 0 ? -error : error;
        va_list arguments;

        if (LOG_PRI(level) > logger.max_level)
                return -positive;

        errno = positive; /* for %m */
        va_start(arguments, format);
        format_text(text, format, arguments);
        va_end(arguments);
        deliver(level, positive, text, NULL);

        errno = saved;
        return -positive;
}

void log_record_begin(LogRecord *record, int level, const char *message_id) {
        record->level = level;
        record->n_omitted = 0;
        record->length = 0;
        record->text[0] = '\0';
        if (message_id)
                log_record_field(record, "MESSAGE_ID", "%s", message_id);
}

void log_record_bytes(LogRecord *record, const char *name, const void *bytes, size_t length) {
        FieldBuffer buffer = { .data = record->data, .size = sizeof(record->data), .length = &record->length };

        if (field_append(buffer, name, bytes, length) < 0)
                record->n_omitted++;
}

void log_record_field(LogRecord *record, const char *name, const char *format, ...) {
        char value[LOG_RECORD_SIZE];
        va_list arguments;
        int written;

        va_start(arguments, format);
        written = vsnprintf(value, sizeof(value), format, arguments);
        va_end(arguments);

        if (written < 0 || (size_t) written >= sizeof(value))
                record->n_omitted++;
        else
                log_record_bytes(record, name, value, (size_t) written);
}

void log_record_send(LogRecord *record, const char *format, ...) {
        int saved = errno;
        va_list arguments;

        if (LOG_PRI(record->level) > logger.max_level)
                return;

        va_start(arguments, format);
        format_text(record->text, format, arguments);
        va_end(arguments);
        deliver(record->level, 0, record->text, record);

        errno = saved;
}
