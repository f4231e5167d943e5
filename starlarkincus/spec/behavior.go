package spec

// A Behavior is the way in which a method is carried out. The incus module has one function for each, which serves all
// resources.
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
	DoRead // reads what stands below
	DoGetText
	DoCreateText
	DoReadText // reads a text that stands below
	DoOffer    // begins an operation that somebody else brings to its end
	DoToken
	DoCopy
	DoMove
	DoRebuild
	DoPublish
	DoJoin
	DoExec
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
	Behaviors // the number of behaviors, with the zero value
)

// An Effect is the most that a call of a method does to the server.
type Effect int

// The effects. The zero value is none, and no method has it.
const (
	_        Effect = iota
	Reads           // changes nothing
	Creates         // makes an object
	Changes         // changes one, or its state
	Deletes         // removes one, and what Method.Takes lists
	RunsCode        // runs a program that the caller chooses
	AsAsked         // depends on the request that the caller names
)

var effects = [...]string{Reads: "only reads", Creates: "creates an object", Changes: "changes an object", Deletes: "deletes an object",
	RunsCode: "runs a program", AsAsked: "may change anything"}

// String returns the effect as the end of a sentence whose subject is a method.
func (e Effect) String() string { return effects[e] }

// A Shape is the sort of value that a method returns.
type Shape int

// The shapes. The zero value is none, and no method has it.
const (
	_          Shape = iota
	Itself           // the object that the method is called on
	One              // an object of the resource
	ListOf           // a list of objects of the resource
	StringList       // a list of strings
	Text             // a string
	Truth            // a bool
	Operation        // an operation, at once
	Struct           // a struct with the resource's fields
	Nothing          // None
	Anything         // whatever the server sends
	Client           // a client
)

// Returns is the result of a method.
type Returns struct {
	Shape Shape
	Of    *Resource // of Itself, One, ListOf and Struct; in a declaration nil stands for the method's own resource
	Maybe bool      // also None, for an object that is gone afterwards: an ephemeral instance that stops

	above bool // Of is the resource that the method's own is below
}

var (
	itself      = Returns{Shape: Itself}
	sibling     = Returns{Shape: One}
	aParent     = Returns{Shape: One, above: true} // of the resource that the method's own is below
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

// of returns the resource's method with its own resource in Returns.
func (m Method) of(r *Resource) Method {
	if m.Returns.Of != nil {
		return m
	}
	switch m.Returns.Shape {
	case Itself, One, ListOf:
		m.Returns.Of = r
	}
	if m.Returns.above {
		m.Returns.Of = parentOf(r)
	}
	return m
}

// ReturnsNow returns the result of a call with wait=False, which differs where the server works in the background.
func (m *Method) ReturnsNow() Returns {
	if !m.Background || m.Does == DoRequest { // the operation is in request's struct
		return m.Returns
	}
	return Returns{Shape: Operation, Of: Operations}
}
