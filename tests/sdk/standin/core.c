/* The call log, thread-local errors, scripted failures, initialisation. */
#include <stdarg.h>
#include <time.h>

#include "standin.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *calls;
static size_t calls_length, calls_room;
static int references;
static bool logging = true;
static DWORD build_version = 0x0601062d;
static __thread DWORD last_error;

typedef struct {
    char function[64];
    DWORD code;
    long milliseconds;
    int times;
} Script;
static Script scripts[32];

void log_call(const char *function, const char *format, ...) {
    if (!logging) return;
    char line[512];
    int start = snprintf(line, sizeof line, "%s ", function);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + start, sizeof line - (size_t)start, format, arguments);
    va_end(arguments);
    size_t length = strlen(line);
    pthread_mutex_lock(&lock);
    if (calls_length + length + 2 > calls_room) {
        calls_room = 2 * (calls_length + length + 2);
        calls = realloc(calls, calls_room);
    }
    memcpy(calls + calls_length, line, length);
    calls_length += length;
    calls[calls_length++] = '\n';
    pthread_mutex_unlock(&lock);
}

int fail(DWORD code) {
    last_error = code;
    return 0;
}

void leave_stale(DWORD code) { last_error = code; }

void nap(long milliseconds) {
    struct timespec span = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&span, NULL);
}

DWORD scripted(const char *function) {
    DWORD code = 0;
    long milliseconds = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        Script *script = &scripts[i];
        if (script->times != 0 && strcmp(script->function, function) == 0) {
            if (script->times > 0) script->times--;
            code = script->code;
            milliseconds = script->milliseconds;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    if (milliseconds > 0) nap(milliseconds);
    return code;
}

bool initialised(void) {
    pthread_mutex_lock(&lock);
    bool yes = references > 0;
    pthread_mutex_unlock(&lock);
    return yes;
}

/* -- the library ------------------------------------------------------------------------------------------------------ */

EXPORT BOOL NET_DVR_Init(void) {
    log_call(__func__, "%s", "");
    DWORD code = scripted(__func__);
    if (code != 0) return fail(code);
    printf("loop[2] find 1 mac and 1 ip\n"); /* as the real one does, whatever stdout is */
    pthread_mutex_lock(&lock);
    references++;
    pthread_mutex_unlock(&lock);
    return 1;
}

EXPORT BOOL NET_DVR_Cleanup(void) {
    CALL(0, "%s", "");
    pthread_mutex_lock(&lock);
    bool last = --references == 0;
    pthread_mutex_unlock(&lock);
    if (last) forget_everything();
    return 1;
}

EXPORT DWORD NET_DVR_GetSDKVersion(void) {
    CALL(0, "%s", "");
    return build_version >> 24 << 16 | (build_version >> 16 & 0xff);
}

EXPORT DWORD NET_DVR_GetSDKBuildVersion(void) {
    CALL(0, "%s", "");
    return build_version;
}

EXPORT DWORD NET_DVR_GetLastError(void) { return last_error; }

EXPORT char *NET_DVR_GetErrorMsg(LONG *number) {
    static char text[] = "Stand-in: see the number";
    if (number != NULL) *number = (LONG)last_error;
    return text;
}

EXPORT BOOL NET_DVR_SetSDKInitCfg(LONG type, void *buffer) {
    const char *text = buffer;
    log_call(__func__, "%d %.255s", type, buffer == NULL ? "NULL" : text); /* the only call allowed before Init */
    REFUSE(type < 0 || type > 4 || buffer == NULL, PARAMETER_ERROR, 0);
    return 1;
}

EXPORT BOOL NET_DVR_SetSDKLocalCfg(LONG type, const void *buffer) {
    CALL(0, "%d", type);
    REFUSE(buffer == NULL || type < 0 || type > 64, PARAMETER_ERROR, 0);
    return 1;
}

EXPORT BOOL NET_DVR_SetConnectTime(DWORD milliseconds, DWORD tries) {
    CALL(0, "%u %u", milliseconds, tries);
    return 1;
}

EXPORT BOOL NET_DVR_SetRecvTimeOut(DWORD milliseconds) {
    CALL(0, "%u", milliseconds);
    return 1;
}

EXPORT BOOL NET_DVR_SetReconnect(DWORD milliseconds, BOOL enable) {
    CALL(0, "%u %d", milliseconds, enable);
    return 1;
}

EXPORT BOOL NET_DVR_SetLogToFile(DWORD level, char *directory, BOOL delete) {
    CALL(0, "%u %s %d", level, directory == NULL ? "NULL" : directory, delete);
    return 1;
}

/* -- what tests ask ------------------------------------------------------------------------------------------------- */

EXPORT size_t fake_calls(char *out, size_t room) {
    pthread_mutex_lock(&lock);
    size_t length = calls_length;
    if (out != NULL && room >= length) memcpy(out, calls, length);
    pthread_mutex_unlock(&lock);
    return length;
}

EXPORT void fake_forget_calls(void) {
    pthread_mutex_lock(&lock);
    calls_length = 0;
    pthread_mutex_unlock(&lock);
}

EXPORT void fake_log(int on) { logging = on != 0; }

/* The next `times` calls (-1: all) of a function take so long, and fail with `code` unless that is 0. */
EXPORT void fake_script(const char *function, DWORD code, long milliseconds, int times) {
    pthread_mutex_lock(&lock);
    size_t count = sizeof scripts / sizeof *scripts, at = count - 1;
    for (size_t i = count; i-- > 0;)
        if (scripts[i].times == 0 || strcmp(scripts[i].function, function) == 0) at = i;
    snprintf(scripts[at].function, sizeof scripts[at].function, "%s", function);
    scripts[at].code = code;
    scripts[at].milliseconds = milliseconds;
    scripts[at].times = times;
    pthread_mutex_unlock(&lock);
}

EXPORT void fake_forget_scripts(void) {
    pthread_mutex_lock(&lock);
    memset(scripts, 0, sizeof scripts);
    pthread_mutex_unlock(&lock);
}

EXPORT void fake_version(DWORD version) { build_version = version; }

EXPORT int fake_references(void) {
    pthread_mutex_lock(&lock);
    int count = references;
    pthread_mutex_unlock(&lock);
    return count;
}

__attribute__((destructor)) static void end(void) { free(calls); }
