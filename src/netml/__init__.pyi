"""netml: packet captures in, feature matrices and anomalies out.

The table of public names: type checkers read it, and so does `netml.__getattr__`. One import a line.
"""

from netml._version import __version__ as __version__
from netml.errors import CaptureError as CaptureError
from netml.errors import CaptureWarning as CaptureWarning
from netml.errors import DamagedFileError as DamagedFileError
from netml.errors import EvaluationError as EvaluationError
from netml.errors import FamilyError as FamilyError
from netml.errors import LabelFileError as LabelFileError
from netml.errors import MissingColumnError as MissingColumnError
from netml.errors import MissingExtraError as MissingExtraError
from netml.errors import NetmlError as NetmlError
from netml.errors import NotACaptureError as NotACaptureError
from netml.errors import OptionError as OptionError
from netml.errors import OutputError as OutputError
from netml.errors import SpillError as SpillError
from netml.errors import TooManyRowsError as TooManyRowsError
from netml.errors import TrainingError as TrainingError
from netml.errors import TruncatedCaptureError as TruncatedCaptureError
from netml.errors import UnknownNameError as UnknownNameError
from netml.errors import UnmatchedLabelsError as UnmatchedLabelsError
from netml.errors import UnsupportedLinkTypeError as UnsupportedLinkTypeError
from netml.errors import UntrustedFileError as UntrustedFileError
from netml.families import FamilyOptions as FamilyOptions
from netml.families.custom import register_family as register_family
from netml.features.extraction import extract as extract
from netml.features.matrix import FeatureMatrix as FeatureMatrix
from netml.features.options import RepresentationOptions as RepresentationOptions
from netml.features.representation import FlowRepresentation as FlowRepresentation
from netml.flow.options import FlowOptions as FlowOptions
from netml.flow.reader import read_flows as read_flows
from netml.flow.table import FlowTable as FlowTable
from netml.models.flow_model import FlowModel as FlowModel
from netml.models.learn import learn as learn
from netml.models.learn import load_model as load_model
from netml.models.verdicts import Verdicts as Verdicts
from netml.packets.header_bits import HeaderBits as HeaderBits
from netml.packets.header_reader import iter_header_bits as iter_header_bits
from netml.packets.header_reader import read_header_bits as read_header_bits
from netml.schema.flow_index import FlowIndex as FlowIndex
from netml.streaming.feature_batches import extract_batches as extract_batches
