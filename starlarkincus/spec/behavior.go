package spec

// A Behavior is an implementation of methods: a function of the incus module, which serves all resources.
type Behavior int

// The behaviors. The zero value is none, and no method has it.
const (
	_ Behavior = iota
	DoList
	DoNames
	DoGet
	DoExists
	DoCreate
	DoEnsure
	DoRefresh
	DoUpdate
	DoReplace
	DoRename
	DoDelete
	DoAct  // sends the method's request
	DoRead // reads a path below the object
	DoGetRaw
	DoCreateRaw
	DoReadRaw // reads text or bytes below the object
	DoOffer   // starts an operation that another server completes
	DoToken
	DoListTokens
	DoRevokeToken
	DoCopy
	DoMove
	DoRebuild
	DoPublish
	DoExportImage
	DoUploadImage
	DoCopyImage
	DoExportBackup
	DoStreamBackup
	DoStreamImage
	DoImport
	DoJoin
	DoExec
	DoShell
	DoConsole
	DoReadFile
	DoWriteFile
	DoAppendFile
	DoListFiles
	DoStatFile
	DoFileExists
	DoMakeFolder
	DoMakeLink
	DoRenameFile
	DoDeleteFile
	DoPush
	DoPull
	DoWriteInput
	DoCloseInput
	DoLines
	DoFields
	DoSignal
	DoWaitCommand
	DoWaitReady
	DoAddresses
	DoWait
	DoCancel
	DoLock
	DoRenewLock
	DoReleaseLock
	DoConnect
	DoUse
	DoRequest
	DoHasExtension
	DoEvents
	DoMetrics
	DoListRemotes
	DoRemoteNames
	DoRemoteExists
	DoAddRemote
	DoRemoveRemote
	DoRenameRemote
	DoSetDefaultRemote
	Behaviors // the number of behaviors, with the zero value
)

// An Effect is the greatest change that a call of a method may make on the server.
type Effect int

// The effects. The zero value is none, and no method has it.
const (
	_        Effect = iota
	Reads           // changes nothing
	Creates         // creates an object
	Changes         // changes one, or its state
	Deletes         // removes one, with the objects in Method.Takes
	RunsCode        // runs a program that the caller chooses
	AsAsked         // depends on the request, which the caller chooses
)

var effects = [...]string{Reads: "only reads", Creates: "creates an object", Changes: "changes an object", Deletes: "deletes an object",
	RunsCode: "runs a program", AsAsked: "may change anything"}

// String returns the effect as the end of a sentence whose subject is a method.
func (e Effect) String() string { return effects[e] }

// A Shape is the kind of a method's result.
type Shape int

// The shapes. The zero value is none, and no method has it.
const (
	_          Shape = iota
	Itself           // the object that the method is called on
	One              // an object of the resource
	ListOf           // a list of objects of the resource
	StringList       // a list of strings
	Text             // a string
	Data             // a string, or bytes if it isn't UTF-8
	Truth            // a bool
	Operation        // an operation, at once
	Struct           // a struct with the resource's fields
	StructList       // a list of such structs
	Nothing          // None
	Anything         // the server's answer, of any type
	Client           // a client
	Stream           // objects of the resource, for one loop, as they come
	ByteStream       // bytes, for one reader, as they come
	LineStream       // lines, strings or bytes, for loops, as they come
)

// Returns is the result of a method.
type Returns struct {
	Shape Shape
	Of    *Resource // of Itself, One, ListOf, Struct, StructList and Stream; in a declaration nil stands for the method's own resource
	Maybe bool      // may be None, because the call may delete the object: stop, of an ephemeral instance

	ofParent bool // Of is the parent of the method's own resource
}

// OfStructs reports whether the result has no objects of the resource, but structs with its fields.
func (r Returns) OfStructs() bool { return r.Shape == Struct || r.Shape == StructList }

var (
	itself      = Returns{Shape: Itself}
	sibling     = Returns{Shape: One}
	aParent     = Returns{Shape: One, ofParent: true}
	aText       = Returns{Shape: Text}
	someStrings = Returns{Shape: StringList}
	aBool       = Returns{Shape: Truth}
	operation   = Returns{Shape: Operation}
	nothing     = Returns{Shape: Nothing}
	anything    = Returns{Shape: Anything}
	client      = Returns{Shape: Client}
)

func one(r *Resource) Returns      { return Returns{Shape: One, Of: r} }
func listOf(r *Resource) Returns   { return Returns{Shape: ListOf, Of: r} }
func structOf(r *Resource) Returns { return Returns{Shape: Struct, Of: r} }
func streamOf(r *Resource) Returns { return Returns{Shape: Stream, Of: r} }

// inResource returns the method with r as the resource in Returns, if that is still open.
func (m Method) inResource(r *Resource) Method {
	if m.Returns.Of != nil {
		return m
	}
	switch m.Returns.Shape {
	case Itself, One, ListOf, Struct, StructList:
		m.Returns.Of = r
	}
	if m.Returns.ofParent {
		m.Returns.Of = parentOf(r)
	}
	return m
}

// ReturnsNow returns the result of a call with wait=False: an operation, if the server works in the background.
func (m *Method) ReturnsNow() Returns {
	if !m.Background || m.Does == DoRequest { // the operation is in request's struct
		return m.Returns
	}
	if m.Handle != nil {
		return one(m.Handle)
	}
	return Returns{Shape: Operation, Of: Operations}
}
