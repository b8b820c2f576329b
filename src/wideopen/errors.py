"""What can go wrong, in one tree.

```
WideopenError          anything that wideopen refuses; its text is one line
├── PhotoError         a picture file that cannot be read, written or is not a photo
│   └── PhotoExistsError   the output is there already, and overwriting was not asked for
├── DepthError         a depth map that does not fit, is broken or is missing
├── FocusError         a focus that the photo or its depth cannot answer
├── OpticsError        a lens that cannot exist, or blurs more than a photo is large
├── TrainingError      a network that cannot learn on
├── StoreError         what cannot be kept in a database (wideopen.database)
├── AnsweredError      an answer that did not know of another one before it
├── ForgottenError     a rater who was deleted
└── RequestError       photos, outputs and settings that contradict each other
    ├── QuotaError         more submissions than a phase allows, or at another time (wideopen.challenge.store)
    ├── UnknownUploadError an upload that is not there (wideopen.challenge.upload)
    ├── OffsetError        a piece of an upload that does not follow the last one (wideopen.challenge.upload)
    ├── NotAlignedError    two shots that cannot be trusted to show one scene (wideopen.pairs.homography)
    └── DisconnectedError  a phone that is gone in the middle (wideopen.export.adb)
```

Every message says what came, what was wanted and what to do.
"""


class WideopenError(Exception):
    """Anything that wideopen refuses. Its text is one line for a person."""


class PhotoError(WideopenError):
    """A picture file that cannot be read or written."""


class PhotoExistsError(PhotoError):
    """The output is there already, and overwriting was not asked for."""


class DepthError(WideopenError):
    """A depth map that does not fit its photo, is broken, or is missing."""


class FocusError(WideopenError):
    """A focus that the photo or its depth cannot answer."""


class OpticsError(WideopenError):
    """A lens that cannot exist."""


class TrainingError(WideopenError):
    """A network that cannot learn on."""


class RequestError(WideopenError):
    """Photos and outputs that contradict each other."""
