"""The structures of the vendor's library, byte for byte (hcnetsdk.md 6): Linux x86-64, natural alignment, the vendor's own names.

`tests/sdk` compares every size and offset with the reference and with a C compiler. On 64-bit Windows only the two structures that hold
a window handle differ (hcnetsdk.md 11).
"""

from __future__ import annotations

import ctypes
import re
from ctypes import Structure
from typing import Any, TypeVar

from nvr_hooks import BadAnswer

T = TypeVar("T", bound=Structure)
_PLAIN: dict[str, Any] = {
    "u8": ctypes.c_uint8,
    "u16": ctypes.c_uint16,
    "u32": ctypes.c_uint32,
    "i8": ctypes.c_int8,
    "i32": ctypes.c_int32,
    "f32": ctypes.c_float,
    "text": ctypes.c_char,
    "ptr": ctypes.c_void_p,
    "hwnd": ctypes.c_uint32,
}
_NAME = re.compile(r"(\w+)(?:\[(\d+)\])?")


def view(layout: type[T], data: bytes, what: str = "") -> T:
    """Return a copy of a structure at the start of `data`; raise BadAnswer when there are fewer bytes than it has."""
    if len(data) < ctypes.sizeof(layout):
        name = what or layout.__name__
        raise BadAnswer(f"{name} of {len(data)} bytes where {ctypes.sizeof(layout)} are expected", data=data[:64])
    return layout.from_buffer_copy(data)


def size_of(layout: type[Structure]) -> int:
    """Return how many bytes a structure has."""
    return ctypes.sizeof(layout)


def _fields(text: str, **types: Any) -> list[tuple[str, Any]]:
    """Read `type name name[count] …; type …`."""
    found = []
    for group in text.split(";"):
        kind, *names = group.split()
        single = types.get(kind) or _PLAIN.get(kind) or globals()[kind]
        for name in names:
            match = _NAME.fullmatch(name)
            assert match is not None
            found.append((match[1], single * int(match[2]) if match[2] else single))
    return found


class NET_DVR_TIME(Structure):
    _fields_ = _fields("u32 dwYear dwMonth dwDay dwHour dwMinute dwSecond")


class NET_VCA_POINT(Structure):
    _fields_ = _fields("f32 fX fY")


class NET_VCA_RECT(Structure):
    _fields_ = _fields("f32 fX fY fWidth fHeight")


class NET_VCA_POLYGON(Structure):
    _fields_ = _fields("u32 dwPointNum; NET_VCA_POINT struPos[10]")


class NET_PTZ_INFO(Structure):
    _fields_ = _fields("f32 fPan fTilt fZoom; u32 dwFocus; u8 byRes[4]")


class NET_DVR_IPADDR(Structure):
    _fields_ = _fields("text sIpV4[16]; u8 byIPv6[128]")


class NET_DVR_ADDRESS(Structure):
    _fields_ = _fields("NET_DVR_IPADDR struIP; u16 wPort; u8 byRes[2]")


class NET_VCA_DEV_INFO(Structure):
    _fields_ = _fields("NET_DVR_IPADDR struDevIP; u16 wPort; u8 byChannel byIvmsChannel")


class NET_DVR_STREAM_INFO(Structure):
    _fields_ = _fields("u32 dwSize; u8 byID[32]; u32 dwChannel; u8 byRes[32]")


class NET_DVR_LOCAL_SDK_PATH(Structure):
    _fields_ = _fields("text sPath[256]; u8 byRes[128]")


class NET_DVR_USER_LOGIN_INFO(Structure):
    _fields_ = _fields(
        """
        text sDeviceAddress[129]; u8 byUseTransport; u16 wPort; text sUserName[64] sPassword[64];
        ptr cbLoginResult pUser; i32 bUseAsynLogin; u8 byProxyType byUseUTCTime byLoginMode byHttps; i32 iProxyID;
        u8 byVerifyMode byRes3[119]
        """
    )


class NET_DVR_DEVICEINFO_V30(Structure):
    _fields_ = _fields(
        """
        u8 sSerialNumber[48] byAlarmInPortNum byAlarmOutPortNum byDiskNum byDVRType byChanNum byStartChan
        byAudioChanNum byIPChanNum byZeroChanNum byMainProto bySubProto bySupport bySupport1 bySupport2;
        u16 wDevType;
        u8 bySupport3 byMultiStreamProto byStartDChan byStartDTalkChan byHighDChanNum bySupport4 byLanguageType
        byVoiceInChanNum byStartVoiceInChanNo bySupport5 bySupport6 byMirrorChanNum;
        u16 wStartMirrorChanNo; u8 bySupport7 byRes2
        """
    )


class NET_DVR_DEVICEINFO_V40(Structure):
    _fields_ = _fields(
        """
        NET_DVR_DEVICEINFO_V30 struDeviceV30; u8 bySupportLock byRetryLoginTime byPasswordLevel byProxyType;
        u32 dwSurplusLockTime; u8 byCharEncodeType bySupportDev5 bySupport byLoginMode; u32 dwOEMCode;
        i32 iResidualValidity;
        u8 byResidualValidity bySingleStartDTalkChan bySingleDTalkChanNums byPassWordResetLevel bySupportStreamEncrypt
        byMarketType byRes2[238]
        """
    )


_PREVIEWINFO = """
    i32 lChannel; u32 dwStreamType dwLinkMode; hwnd hPlayWnd; u32 bBlocked bPassbackRecord;
    u8 byPreviewMode byStreamID[32] byProtoType byRes1 byVideoCodingType; u32 dwDisplayBufNum;
    u8 byNPQMode byRecvMetaData byDataType byRes[213]
"""


class NET_DVR_PREVIEWINFO(Structure):
    _fields_ = _fields(_PREVIEWINFO)


class NET_DVR_PREVIEWINFO_WINDOWS(Structure):
    _fields_ = _fields(_PREVIEWINFO, hwnd=ctypes.c_void_p)


class NET_DVR_JPEGPARA(Structure):
    _fields_ = _fields("u16 wPicSize wPicQuality")


class NET_DVR_JPEGPICTURE_WITH_APPENDDATA(Structure):
    _fields_ = _fields(
        """
        u32 dwSize dwChannel dwJpegPicLen; ptr pJpegPicBuff; u32 dwJpegPicWidth dwJpegPicHeight dwP2PDataLen;
        ptr pP2PDataBuff; u8 byIsFreezedata byRes1[3]; u32 dwVisiblePicLen; ptr pVisiblePicBuff;
        NET_VCA_RECT struThermalValidRect struVisibleValidRect; u8 byRes[208]
        """
    )


_VOD_PARA = """
    u32 dwSize; NET_DVR_STREAM_INFO struIDInfo; NET_DVR_TIME struBeginTime struEndTime; hwnd hWnd;
    u8 byDrawFrame byVolumeType byVolumeNum byStreamType; u32 dwFileIndex;
    u8 byAudioFile byCourseFile byDownload byOptimalStreamType byRes2[20]
"""


class NET_DVR_VOD_PARA(Structure):
    _fields_ = _fields(_VOD_PARA)


class NET_DVR_VOD_PARA_WINDOWS(Structure):
    _fields_ = _fields(_VOD_PARA, hwnd=ctypes.c_void_p)


class NET_DVR_PLAYCOND(Structure):
    _fields_ = _fields(
        """
        u32 dwChannel; NET_DVR_TIME struStartTime struStopTime;
        u8 byDrawFrame byStreamType byStreamID[32] byCourseFile byDownload byOptimalStreamType byVODFileType byRes[26]
        """
    )


class NET_DVR_FILECOND_V40(Structure):
    _fields_ = _fields(
        """
        i32 lChannel; u32 dwFileType dwIsLocked dwUseCardNo; u8 sCardNumber[32];
        NET_DVR_TIME struStartTime struStopTime; u8 byDrawFrame byFindType byQuickSearch bySpecialFindInfoType;
        u32 dwVolumeNum; u8 byWorkingDeviceGUID[16] uSpecialFindInfo[8] byStreamType byAudioFile byRes2[30]
        """
    )


class NET_DVR_FINDDATA_V40(Structure):
    _fields_ = _fields(
        """
        text sFileName[100]; NET_DVR_TIME struStartTime struStopTime; u32 dwFileSize; text sCardNum[32];
        u8 byLocked byFileType byQuickSearch byRes; u32 dwFileIndex; u8 byStreamType byRes1[127]
        """
    )


class NET_DVR_SETUPALARM_PARAM(Structure):
    _fields_ = _fields(
        """
        u32 dwSize;
        u8 byLevel byAlarmInfoType byRetAlarmTypeV40 byRetDevInfoVersion byRetVQDAlarmType byFaceAlarmDetection
        bySupport byBrokenNetHttp;
        u16 wTaskNo; u8 byDeployType bySubScription byRes1[2] byAlarmTypeURL byCustomCtrl
        """
    )


class NET_DVR_SETUPALARM_PARAM_V50(Structure):
    _fields_ = _fields("NET_DVR_SETUPALARM_PARAM struParam; u8 byRes[128]")


class NET_DVR_ALARMER(Structure):
    _fields_ = _fields(
        """
        u8 byUserIDValid bySerialValid byVersionValid byDeviceNameValid byMacAddrValid byLinkPortValid byDeviceIPValid
        bySocketIPValid;
        i32 lUserID; u8 sSerialNumber[48]; u32 dwDeviceVersion; text sDeviceName[32]; u8 byMacAddr[6]; u16 wLinkPort;
        text sDeviceIP[128] sSocketIP[128]; u8 byIpProtocol byRes1[2] bJSONBroken; u16 wSocketPort; u8 byRes2[6]
        """
    )


class NET_DVR_ALARMINFO_V30(Structure):
    _fields_ = _fields(
        """
        u32 dwAlarmType dwAlarmInputNumber;
        u8 byAlarmOutputNumber[96] byAlarmRelateChannel[64] byChannel[64] byDiskNumber[33]
        """
    )


class NET_DVR_ALARM_ISAPI_INFO(Structure):
    _fields_ = _fields(
        """
        ptr pAlarmData; u32 dwAlarmDataLen; u8 byDataType byPicturesNumber byRes[2]; ptr pPicPackData; u8 byRes1[32]
        """
    )


class NET_DVR_ALARM_ISAPI_PICDATA(Structure):
    _fields_ = _fields("u32 dwPicLen; u8 byPicType byRes[3]; text szFilename[256]; ptr pPicData")


class NET_DVR_FIREDETECTION_ALARM(Structure):
    _fields_ = _fields(
        """
        u32 dwSize dwRelativeTime dwAbsTime; NET_VCA_DEV_INFO struDevInfo; u16 wPanPos wTiltPos wZoomPos;
        u8 byPicTransType byRes1; u32 dwPicDataLen; ptr pBuffer; NET_VCA_RECT struRect; NET_VCA_POINT struPoint;
        u16 wFireMaxTemperature wTargetDistance; u8 byStrategyType byAlarmSubType byPTZPosExEnable byRes2;
        NET_PTZ_INFO struPtzPosEx; u32 dwVisiblePicLen; ptr pVisiblePicBuf pSmokeBuf; u16 wDevInfoIvmsChannelEx;
        u8 byRes3 byFireScanWaitMode; u32 dwVisibleChannel; u8 byTimeDiffFlag; i8 cTimeDifferenceH cTimeDifferenceM;
        u8 byRes[49]
        """
    )


class NET_DVR_SMOKEDETECTION_ALARM(Structure):
    _fields_ = _fields(
        """
        NET_PTZ_INFO struPTZPos struThermalPTZPos; u8 struLLPos[44]; NET_VCA_RECT struSmokePos; u8 byRes[256]
        """
    )


class NET_DVR_THERMOMETRY_ALARM(Structure):
    _fields_ = _fields(
        """
        u32 dwSize dwChannel; u8 byRuleID byThermometryUnit; u16 wPresetNo; NET_PTZ_INFO struPtzInfo;
        u8 byAlarmLevel byAlarmType byAlarmRule byRuleCalibType; NET_VCA_POINT struPoint; NET_VCA_POLYGON struRegion;
        f32 fRuleTemperature fCurrTemperature; u32 dwPicLen dwThermalPicLen dwThermalInfoLen;
        ptr pPicBuff pThermalPicBuff pThermalInfoBuff; NET_VCA_POINT struHighestPoint; f32 fToleranceTemperature;
        u32 dwAlertFilteringTime dwAlarmFilteringTime dwTemperatureSuddenChangeCycle;
        f32 fTemperatureSuddenChangeValue; u8 byPicTransType byRes1[3];
        u32 dwVisibleChannel dwRelativeTime dwAbsTime; f32 fAlarmRuleTemperature; u8 byRes[20]
        """
    )


class NET_DVR_THERMOMETRY_DIFF_ALARM(Structure):
    _fields_ = _fields(
        """
        u32 dwSize dwChannel; u8 byAlarmID1 byAlarmID2; u16 wPresetNo;
        u8 byAlarmLevel byAlarmType byAlarmRule byRuleCalibType; NET_VCA_POINT struPoint[2];
        NET_VCA_POLYGON struRegion[2]; f32 fRuleTemperatureDiff fCurTemperatureDiff; NET_PTZ_INFO struPtzInfo;
        u32 dwPicLen dwThermalPicLen dwThermalInfoLen; ptr pPicBuff pThermalPicBuff pThermalInfoBuff;
        u8 byThermometryUnit byPicTransType byRes1[2]; f32 fToleranceTemperature;
        u32 dwAlarmFilteringTime dwVisibleChannel; u8 byRes[48]
        """
    )


class NET_DVR_REALTIME_THERMOMETRY_COND(Structure):
    _fields_ = _fields("u32 dwSize dwChan; u8 byRuleID byMode; u16 wInterval; f32 fTemperatureDiff; u8 byRes[56]")


class NET_DVR_POINT_THERM_CFG(Structure):
    _fields_ = _fields("f32 fTemperature; NET_VCA_POINT struPoint; u8 byRes[120]")


class NET_DVR_LINEPOLYGON_THERM_CFG(Structure):
    _fields_ = _fields(
        """
        f32 fMaxTemperature fMinTemperature fAverageTemperature fTemperatureDiff; NET_VCA_POLYGON struRegion;
        u8 byRes[32]
        """
    )


class NET_DVR_THERMOMETRY_UPLOAD(Structure):
    _fields_ = _fields(
        """
        u32 dwSize dwRelativeTime dwAbsTime; text szRuleName[32]; u8 byRuleID byRuleCalibType; u16 wPresetNo;
        NET_DVR_POINT_THERM_CFG struPointThermCfg; NET_DVR_LINEPOLYGON_THERM_CFG struLinePolygonThermCfg;
        u8 byThermometryUnit byDataType byRes1 bySpecialPointThermType;
        f32 fCenterPointTemperature fHighestPointTemperature fLowestPointTemperature;
        NET_VCA_POINT struHighestPoint struLowestPoint; u8 byIsFreezedata byFaceSnapThermometryEnabled byRes2[2];
        u32 dwChan; NET_VCA_RECT struFaceRect; u32 dwTimestamp; u8 byRes[68]
        """
    )


class NET_SDK_POINT_THERMOMETRY(Structure):
    _fields_ = _fields("f32 fPointTemperature; NET_VCA_POINT struPoint; u8 byRes[20]")


class NET_SDK_REGION_THERMOMETRY(Structure):
    _fields_ = _fields(
        """
        f32 fMaxTemperature fMinTemperature fAverageTemperature fTemperatureDiff; NET_VCA_POLYGON struRegion;
        u8 byRes[20]
        """
    )


class NET_SDK_MANUALTHERM_RULE(Structure):
    _fields_ = _fields(
        """
        u8 byRuleID byEnable byRes1[2]; text szRuleName[32]; u8 byRuleCalibType byRes2[3];
        NET_SDK_POINT_THERMOMETRY struPointTherm; NET_SDK_REGION_THERMOMETRY struRegionTherm; u8 byRes[512]
        """
    )


class NET_SDK_MANUAL_THERMOMETRY(Structure):
    _fields_ = _fields(
        """
        u32 dwSize dwChannel dwRelativeTime dwAbsTime; u8 byThermometryUnit byDataType byRes1[6];
        NET_SDK_MANUALTHERM_RULE struRuleInfo; u8 byRes[512]
        """
    )


class NET_SDK_MANUALTHERM_BASICPARAM(Structure):
    _fields_ = _fields("u32 dwSize; u16 wDistance; u8 byDistanceUnit byRes1[1]; f32 fEmissivity; u8 byRes[64]")


class NET_DVR_STD_CONFIG(Structure):
    _fields_ = _fields(
        """
        ptr lpCondBuffer; u32 dwCondSize; ptr lpInBuffer; u32 dwInSize; ptr lpOutBuffer; u32 dwOutSize;
        ptr lpStatusBuffer; u32 dwStatusSize; ptr lpXmlBuffer; u32 dwXmlSize; u8 byDataType byRes[23]
        """
    )


class NET_DVR_STD_CONTROL(Structure):
    _fields_ = _fields(
        """
        ptr lpCondBuffer; u32 dwCondSize; ptr lpStatusBuffer; u32 dwStatusSize; ptr lpXmlBuffer; u32 dwXmlSize;
        u8 byDataType byRes[55]
        """
    )


class NET_DVR_XML_CONFIG_INPUT(Structure):
    _fields_ = _fields(
        """
        u32 dwSize; ptr lpRequestUrl; u32 dwRequestUrlLen; ptr lpInBuffer; u32 dwInBufferSize dwRecvTimeOut;
        u8 byForceEncrpt byNumOfMultiPart byRes[30]
        """
    )


class NET_DVR_XML_CONFIG_OUTPUT(Structure):
    _fields_ = _fields(
        """
        u32 dwSize; ptr lpOutBuffer; u32 dwOutBufferSize dwReturnedXMLSize; ptr lpStatusBuffer; u32 dwStatusSize;
        u8 byRes[32]
        """
    )
