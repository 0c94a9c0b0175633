/* Structures written by the names of their fields, so that tests say what a device tells and nothing of the driver's layouts is used.
 *
 * "NET_DVR_THERMOMETRY_ALARM\ndwChannel=2\nstruRegion.struPos[1].fX=0.25\n@pPicBuff=40": `@pointer=bytes` attaches a picture of that many
 * bytes behind the structure, in the order of the lines; `hex:` gives a text byte by byte. dwSize is right unless it is given. */
#include "standin.h"

typedef struct {
    const char *structure, *name;
    size_t offset, size, element;
    char kind; /* u unsigned, i signed, f float, t text, p pointer */
} Field;

#define KIND(x) \
    _Generic((x), BYTE: 'u', WORD: 'u', DWORD: 'u', LONG: 'i', float: 'f', signed char: 'i', char *: 't', BYTE *: 'u', void *: 'p')
#define ELEMENT(x) _Generic((x), BYTE *: 1, char *: 0, default: sizeof(x))
#define F(S, path) \
    {#S, #path, offsetof(S, path), sizeof(((S *)0)->path), ELEMENT(((S *)0)->path), KIND(((S *)0)->path)}
#define POINT(S, path) F(S, path.fX), F(S, path.fY)
#define RECT(S, path) F(S, path.fX), F(S, path.fY), F(S, path.fWidth), F(S, path.fHeight)
#define POLYGON(S, path)                                                                                                     \
    F(S, path.dwPointNum), POINT(S, path.struPos[0]), POINT(S, path.struPos[1]), POINT(S, path.struPos[2]),                    \
        POINT(S, path.struPos[3]), POINT(S, path.struPos[4]), POINT(S, path.struPos[9])

#define A NET_DVR_ALARMINFO_V30
#define B NET_DVR_FIREDETECTION_ALARM
#define C NET_DVR_THERMOMETRY_ALARM
#define D NET_DVR_THERMOMETRY_DIFF_ALARM
#define E NET_DVR_THERMOMETRY_UPLOAD

static const Field fields[] = {
    F(NET_DVR_ALARMINFO_V30, dwAlarmType), F(NET_DVR_ALARMINFO_V30, dwAlarmInputNumber),
    F(NET_DVR_ALARMINFO_V30, byAlarmOutputNumber), F(NET_DVR_ALARMINFO_V30, byAlarmRelateChannel),
    F(NET_DVR_ALARMINFO_V30, byChannel), F(NET_DVR_ALARMINFO_V30, byDiskNumber),

    F(NET_DVR_FIREDETECTION_ALARM, dwSize), F(NET_DVR_FIREDETECTION_ALARM, dwRelativeTime),
    F(NET_DVR_FIREDETECTION_ALARM, dwAbsTime), F(NET_DVR_FIREDETECTION_ALARM, struDevInfo.byChannel),
    F(NET_DVR_FIREDETECTION_ALARM, struDevInfo.byIvmsChannel), F(NET_DVR_FIREDETECTION_ALARM, byPicTransType),
    F(NET_DVR_FIREDETECTION_ALARM, dwPicDataLen), F(NET_DVR_FIREDETECTION_ALARM, pBuffer),
    RECT(NET_DVR_FIREDETECTION_ALARM, struRect), POINT(NET_DVR_FIREDETECTION_ALARM, struPoint),
    F(NET_DVR_FIREDETECTION_ALARM, wFireMaxTemperature), F(NET_DVR_FIREDETECTION_ALARM, wTargetDistance),
    F(NET_DVR_FIREDETECTION_ALARM, byStrategyType), F(NET_DVR_FIREDETECTION_ALARM, byAlarmSubType),
    F(NET_DVR_FIREDETECTION_ALARM, dwVisiblePicLen), F(NET_DVR_FIREDETECTION_ALARM, pVisiblePicBuf),
    F(NET_DVR_FIREDETECTION_ALARM, pSmokeBuf), F(NET_DVR_FIREDETECTION_ALARM, wDevInfoIvmsChannelEx),
    F(NET_DVR_FIREDETECTION_ALARM, dwVisibleChannel), F(NET_DVR_FIREDETECTION_ALARM, byTimeDiffFlag),
    F(NET_DVR_FIREDETECTION_ALARM, cTimeDifferenceH), F(NET_DVR_FIREDETECTION_ALARM, cTimeDifferenceM),

    F(NET_DVR_THERMOMETRY_ALARM, dwSize), F(NET_DVR_THERMOMETRY_ALARM, dwChannel), F(NET_DVR_THERMOMETRY_ALARM, byRuleID),
    F(NET_DVR_THERMOMETRY_ALARM, byThermometryUnit), F(NET_DVR_THERMOMETRY_ALARM, wPresetNo),
    F(NET_DVR_THERMOMETRY_ALARM, byAlarmLevel), F(NET_DVR_THERMOMETRY_ALARM, byAlarmType),
    F(NET_DVR_THERMOMETRY_ALARM, byAlarmRule), F(NET_DVR_THERMOMETRY_ALARM, byRuleCalibType),
    POINT(NET_DVR_THERMOMETRY_ALARM, struPoint), POLYGON(NET_DVR_THERMOMETRY_ALARM, struRegion),
    F(NET_DVR_THERMOMETRY_ALARM, fRuleTemperature), F(NET_DVR_THERMOMETRY_ALARM, fCurrTemperature),
    F(NET_DVR_THERMOMETRY_ALARM, dwPicLen), F(NET_DVR_THERMOMETRY_ALARM, dwThermalPicLen),
    F(NET_DVR_THERMOMETRY_ALARM, dwThermalInfoLen), F(NET_DVR_THERMOMETRY_ALARM, pPicBuff),
    F(NET_DVR_THERMOMETRY_ALARM, pThermalPicBuff), F(NET_DVR_THERMOMETRY_ALARM, pThermalInfoBuff),
    POINT(NET_DVR_THERMOMETRY_ALARM, struHighestPoint), F(NET_DVR_THERMOMETRY_ALARM, byPicTransType),
    F(NET_DVR_THERMOMETRY_ALARM, dwRelativeTime), F(NET_DVR_THERMOMETRY_ALARM, dwAbsTime),
    F(NET_DVR_THERMOMETRY_ALARM, fAlarmRuleTemperature),

    F(NET_DVR_THERMOMETRY_DIFF_ALARM, dwSize), F(NET_DVR_THERMOMETRY_DIFF_ALARM, dwChannel),
    F(NET_DVR_THERMOMETRY_DIFF_ALARM, byAlarmID1), F(NET_DVR_THERMOMETRY_DIFF_ALARM, byAlarmID2),
    F(NET_DVR_THERMOMETRY_DIFF_ALARM, wPresetNo), F(NET_DVR_THERMOMETRY_DIFF_ALARM, byAlarmLevel),
    F(NET_DVR_THERMOMETRY_DIFF_ALARM, byAlarmType), F(NET_DVR_THERMOMETRY_DIFF_ALARM, byAlarmRule),
    F(NET_DVR_THERMOMETRY_DIFF_ALARM, byRuleCalibType), POINT(NET_DVR_THERMOMETRY_DIFF_ALARM, struPoint[0]),
    POINT(NET_DVR_THERMOMETRY_DIFF_ALARM, struPoint[1]), POLYGON(NET_DVR_THERMOMETRY_DIFF_ALARM, struRegion[0]),
    POLYGON(NET_DVR_THERMOMETRY_DIFF_ALARM, struRegion[1]), F(NET_DVR_THERMOMETRY_DIFF_ALARM, fRuleTemperatureDiff),
    F(NET_DVR_THERMOMETRY_DIFF_ALARM, fCurTemperatureDiff), F(NET_DVR_THERMOMETRY_DIFF_ALARM, dwPicLen),
    F(NET_DVR_THERMOMETRY_DIFF_ALARM, dwThermalPicLen), F(NET_DVR_THERMOMETRY_DIFF_ALARM, dwThermalInfoLen),
    F(NET_DVR_THERMOMETRY_DIFF_ALARM, pPicBuff), F(NET_DVR_THERMOMETRY_DIFF_ALARM, pThermalPicBuff),
    F(NET_DVR_THERMOMETRY_DIFF_ALARM, pThermalInfoBuff), F(NET_DVR_THERMOMETRY_DIFF_ALARM, byThermometryUnit),
    F(NET_DVR_THERMOMETRY_DIFF_ALARM, byPicTransType),

    F(NET_DVR_THERMOMETRY_UPLOAD, dwSize), F(NET_DVR_THERMOMETRY_UPLOAD, dwRelativeTime),
    F(NET_DVR_THERMOMETRY_UPLOAD, dwAbsTime), F(NET_DVR_THERMOMETRY_UPLOAD, szRuleName),
    F(NET_DVR_THERMOMETRY_UPLOAD, byRuleID), F(NET_DVR_THERMOMETRY_UPLOAD, byRuleCalibType),
    F(NET_DVR_THERMOMETRY_UPLOAD, wPresetNo), F(NET_DVR_THERMOMETRY_UPLOAD, struPointThermCfg.fTemperature),
    POINT(NET_DVR_THERMOMETRY_UPLOAD, struPointThermCfg.struPoint),
    F(NET_DVR_THERMOMETRY_UPLOAD, struLinePolygonThermCfg.fMaxTemperature),
    F(NET_DVR_THERMOMETRY_UPLOAD, struLinePolygonThermCfg.fMinTemperature),
    F(NET_DVR_THERMOMETRY_UPLOAD, struLinePolygonThermCfg.fAverageTemperature),
    F(NET_DVR_THERMOMETRY_UPLOAD, struLinePolygonThermCfg.fTemperatureDiff),
    POLYGON(NET_DVR_THERMOMETRY_UPLOAD, struLinePolygonThermCfg.struRegion),
    F(NET_DVR_THERMOMETRY_UPLOAD, byThermometryUnit), F(NET_DVR_THERMOMETRY_UPLOAD, byDataType),
    F(NET_DVR_THERMOMETRY_UPLOAD, bySpecialPointThermType), F(NET_DVR_THERMOMETRY_UPLOAD, fCenterPointTemperature),
    F(NET_DVR_THERMOMETRY_UPLOAD, fHighestPointTemperature), F(NET_DVR_THERMOMETRY_UPLOAD, fLowestPointTemperature),
    POINT(NET_DVR_THERMOMETRY_UPLOAD, struHighestPoint), POINT(NET_DVR_THERMOMETRY_UPLOAD, struLowestPoint),
    F(NET_DVR_THERMOMETRY_UPLOAD, byIsFreezedata), F(NET_DVR_THERMOMETRY_UPLOAD, dwChan),
};

/* pictures: where the pointer is, and where its length */
static const struct {
    const char *structure, *pointer;
    size_t at, length_at;
} attachments[] = {
    {"NET_DVR_FIREDETECTION_ALARM", "pBuffer", offsetof(B, pBuffer), offsetof(B, dwPicDataLen)},
    {"NET_DVR_FIREDETECTION_ALARM", "pVisiblePicBuf", offsetof(B, pVisiblePicBuf), offsetof(B, dwVisiblePicLen)},
    {"NET_DVR_FIREDETECTION_ALARM", "pSmokeBuf", offsetof(B, pSmokeBuf), 0},
    {"NET_DVR_THERMOMETRY_ALARM", "pPicBuff", offsetof(C, pPicBuff), offsetof(C, dwPicLen)},
    {"NET_DVR_THERMOMETRY_ALARM", "pThermalPicBuff", offsetof(C, pThermalPicBuff), offsetof(C, dwThermalPicLen)},
    {"NET_DVR_THERMOMETRY_ALARM", "pThermalInfoBuff", offsetof(C, pThermalInfoBuff), offsetof(C, dwThermalInfoLen)},
    {"NET_DVR_THERMOMETRY_DIFF_ALARM", "pPicBuff", offsetof(D, pPicBuff), offsetof(D, dwPicLen)},
    {"NET_DVR_THERMOMETRY_DIFF_ALARM", "pThermalPicBuff", offsetof(D, pThermalPicBuff), offsetof(D, dwThermalPicLen)},
    {"NET_DVR_THERMOMETRY_DIFF_ALARM", "pThermalInfoBuff", offsetof(D, pThermalInfoBuff), offsetof(D, dwThermalInfoLen)},
};

static const struct {
    const char *name;
    DWORD kind;
    size_t size;
    bool sized;
} structures[] = {
    {"NET_DVR_ALARMINFO_V30", COMM_ALARM_V30, sizeof(A), false},
    {"NET_DVR_FIREDETECTION_ALARM", COMM_FIREDETECTION_ALARM, sizeof(B), true},
    {"NET_DVR_THERMOMETRY_ALARM", COMM_THERMOMETRY_ALARM, sizeof(C), true},
    {"NET_DVR_THERMOMETRY_DIFF_ALARM", COMM_THERMOMETRY_DIFF_ALARM, sizeof(D), true},
    {"NET_DVR_THERMOMETRY_UPLOAD", DATA, sizeof(E), true},
};

static void put_number(char *at, size_t size, char kind, const char *text) {
    if (kind == 'f') {
        float value = strtof(text, NULL);
        memcpy(at, &value, sizeof value);
        return;
    }
    long long value = strtoll(text, NULL, 0); /* little-endian, as the machine is */
    memcpy(at, &value, size);
}

static void put_text(char *at, size_t size, const char *text) {
    if (strncmp(text, "hex:", 4) != 0) {
        memcpy(at, text, strnlen(text, size));
        return;
    }
    for (size_t i = 0; i < size && text[4 + 2 * i] != 0; i++) {
        unsigned byte;
        sscanf(text + 4 + 2 * i, "%2x", &byte);
        at[i] = (char)byte;
    }
}

static bool put(char *block, const char *structure, const char *name, const char *value) {
    char plain[96];
    long index = 0;
    snprintf(plain, sizeof plain, "%s", name);
    char *bracket = strrchr(plain, '[');
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
            const Field *field = &fields[i];
            if (strcmp(field->structure, structure) != 0 || strcmp(field->name, plain) != 0) continue;
            char *at = block + field->offset + (size_t)index * field->element;
            if (field->kind == 't') put_text(at, field->size, value);
            else put_number(at, turn == 1 ? field->element : field->size, field->kind, value);
            return true;
        }
        if (bracket == NULL) break;
        index = strtol(bracket + 1, NULL, 10); /* byChannel[3] */
        *bracket = 0;
    }
    return false;
}

static size_t attach(char **block, size_t end, const char *structure, const char *pointer, size_t bytes) {
    for (size_t i = 0; i < sizeof attachments / sizeof *attachments; i++) {
        if (strcmp(attachments[i].structure, structure) != 0 || strcmp(attachments[i].pointer, pointer) != 0) continue;
        *block = realloc(*block, end + bytes);
        for (size_t k = 0; k < bytes; k++) (*block)[end + k] = (char)(k + i);
        if (strcmp(pointer, "pSmokeBuf") == 0) {
            NET_DVR_SMOKEDETECTION_ALARM *smoke = (void *)(*block + end);
            memset(smoke, 0, bytes);
            smoke->struSmokePos = (NET_VCA_RECT){0.25F, 0.5F, 0.125F, 0.25F};
        } else if (bytes >= 3) {
            memcpy(*block + end, "\xff\xd8\xff", 3);
        }
        DWORD length = (DWORD)bytes;
        if (attachments[i].length_at != 0) memcpy(*block + attachments[i].length_at, &length, sizeof length);
        return attachments[i].at;
    }
    return 0;
}

char *build(const char *text, DWORD *kind, size_t *size) {
    char structure[64], *copy = strdup(text), *rest = NULL;
    snprintf(structure, sizeof structure, "%s", strtok_r(copy, "\n", &rest));
    char *block = NULL;
    size_t pointers[8], targets[8], count = 0;
    for (size_t i = 0; i < sizeof structures / sizeof *structures; i++) {
        if (strcmp(structures[i].name, structure) != 0) continue;
        block = calloc(1, structures[i].size);
        *size = structures[i].size;
        *kind = structures[i].kind;
        DWORD whole = (DWORD)structures[i].size;
        if (structures[i].sized) memcpy(block, &whole, sizeof whole);
    }
    for (char *line; block != NULL && (line = strtok_r(NULL, "\n", &rest)) != NULL;) {
        char *value = strchr(line, '=');
        bool known = value != NULL;
        if (known) *value++ = 0;
        if (known && *line == '@') {
            size_t bytes = strtoul(value, NULL, 10);
            pointers[count] = attach(&block, *size, structure, line + 1, bytes);
            targets[count] = *size;
            known = pointers[count++] != 0;
            *size += bytes;
        } else if (known) {
            known = put(block, structure, line, value);
        }
        if (!known) {
            fprintf(stderr, "stand-in: %s has no %s\n", structure, line);
            free(block);
            block = NULL;
        }
    }
    for (size_t i = 0; block != NULL && i < count; i++) {
        void *target = block + targets[i];
        memcpy(block + pointers[i], &target, sizeof target);
    }
    free(copy);
    return block;
}
