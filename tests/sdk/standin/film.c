/* Coded pictures as a program stream (ISO/IEC 13818-1), as these devices pack them: pack header, before a key picture system header and
 * stream map, then PES packets of at most 5 kB, the first of a picture with its time. */
#include "standin.h"

typedef struct {
    uint32_t length, time;
    BYTE key;
    const char *data;
} Frame;

const char imkh[40] = "IMKH\x01\x01\x00\x00\x02\x00\x01\x00\x21\x72\x01\x10\x80\x3e\x00\x00";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *film, *jpeg, *mp4;
static size_t jpeg_size, mp4_size;
static Frame *frames;
static size_t count;
static BYTE stream_type = 0x1B; /* H.264; 0x24 is H.265 */

size_t film_frames(void) { return count; }

typedef struct {
    char *data;
    size_t size, room;
} Bytes;

static void add(Bytes *out, const void *data, size_t size) {
    if (out->size + size > out->room) {
        out->room = 2 * (out->size + size);
        out->data = realloc(out->data, out->room);
    }
    memcpy(out->data + out->size, data, size);
    out->size += size;
}

static void add_pack(Bytes *out, uint64_t time) {
    BYTE pack[14] = {0, 0, 1, 0xBA};
    pack[4] = (BYTE)(0x44 | (time >> 30 & 7) << 3 | (time >> 28 & 3));
    pack[5] = (BYTE)(time >> 20);
    pack[6] = (BYTE)(0x04 | (time >> 15 & 31) << 3 | (time >> 13 & 3));
    pack[7] = (BYTE)(time >> 5);
    pack[8] = (BYTE)(0x04 | (time & 31) << 3);
    pack[9] = 0x01;
    pack[10] = 0x01, pack[11] = 0x89, pack[12] = 0xC3; /* 50 * rate, markers */
    pack[13] = 0xF8;
    add(out, pack, sizeof pack);
}

static void add_headers(Bytes *out) {
    BYTE system[] = {0, 0, 1, 0xBB, 0, 9, 0x80, 0xC4, 0xE1, 0x04, 0xE1, 0x7F, 0xE0, 0xE1, 0x00};
    BYTE map[] = {0, 0, 1, 0xBC, 0, 14, 0xE1, 0xFF, 0, 0, 0, 4, stream_type, 0xE0, 0, 0, 0, 0, 0, 0};
    add(out, system, sizeof system);
    add(out, map, sizeof map);
}

static void add_packet(Bytes *out, const char *data, size_t size, bool first, uint64_t time) {
    BYTE header[14] = {0, 0, 1, 0xE0};
    size_t extra = first ? 5 : 0, whole = 3 + extra + size;
    header[4] = (BYTE)(whole >> 8);
    header[5] = (BYTE)whole;
    header[6] = 0x80;
    header[7] = first ? 0x80 : 0;
    header[8] = (BYTE)extra;
    header[9] = (BYTE)(0x21 | (time >> 30 & 7) << 1);
    header[10] = (BYTE)(time >> 22);
    header[11] = (BYTE)(0x01 | (time >> 15 & 127) << 1);
    header[12] = (BYTE)(time >> 7);
    header[13] = (BYTE)(0x01 | (time & 127) << 1);
    add(out, header, 9 + extra);
    add(out, data, size);
}

size_t film_chunk(size_t number, size_t round, char **chunk) {
    const size_t most = 5000;
    Bytes out = {0};
    pthread_mutex_lock(&lock);
    if (number < count) {
        Frame *frame = &frames[number];
        uint64_t length = (uint64_t)frames[count - 1].time + 3600, time = frame->time + round * length;
        add_pack(&out, time);
        if (frame->key) add_headers(&out);
        for (size_t at = 0; at < frame->length; at += most)
            add_packet(&out, frame->data + at, frame->length - at < most ? frame->length - at : most, at == 0, time);
    }
    pthread_mutex_unlock(&lock);
    *chunk = out.data;
    return out.size;
}

const char *jpeg_bytes(size_t *size) {
    *size = jpeg_size;
    return jpeg;
}

const char *mp4_bytes(size_t *size) {
    *size = mp4_size;
    return mp4;
}

/* -- what tests do ---------------------------------------------------------------------------------------------------- */

static void keep(char **kept, size_t *kept_size, const char *data, size_t size) {
    free(*kept);
    *kept = malloc(size > 0 ? size : 1);
    memcpy(*kept, data, size);
    *kept_size = size;
}

/* Pictures one after the other: u32 length, u32 time in 1/90000 s, u8 key, data. Returns how many. */
EXPORT size_t fake_film(const char *data, size_t size, int hevc) {
    size_t kept = 0;
    pthread_mutex_lock(&lock);
    free(frames);
    frames = NULL;
    count = 0;
    stream_type = hevc ? 0x24 : 0x1B;
    keep(&film, &kept, data, size);
    for (size_t at = 0; at + 9 <= size;) {
        Frame frame;
        memcpy(&frame.length, film + at, 4);
        memcpy(&frame.time, film + at + 4, 4);
        frame.key = (BYTE)film[at + 8];
        frame.data = film + at + 9;
        if (frame.length > size - at - 9) break;
        at += 9 + frame.length;
        frames = realloc(frames, (count + 1) * sizeof *frames);
        frames[count++] = frame;
    }
    size_t found = count;
    pthread_mutex_unlock(&lock);
    return found;
}

EXPORT void fake_jpeg(const char *data, size_t size) { keep(&jpeg, &jpeg_size, data, size); }

EXPORT void fake_mp4(const char *data, size_t size) { keep(&mp4, &mp4_size, data, size); }

__attribute__((destructor)) static void end(void) {
    free(film);
    free(frames);
    free(jpeg);
    free(mp4);
}
